package offheap.lab;

import java.util.Locale;
import java.util.Map;

/**
 * Turns "MiB a minute" into the moments at which a step is due, so that all programs share one dial.
 *
 * <p>The moments are counted from the start and not from the last step: a machine that is short of CPU catches up, and
 * the average rate stays what was asked for.
 */
final class Pace {
    private static final long REPORT_NANOS = 10_000_000_000L;

    private final double mibibytesPerMinute;
    private final double capMibibytes;

    private Pace(double mibibytesPerMinute, double capMibibytes) {
        this.mibibytesPerMinute = mibibytesPerMinute;
        this.capMibibytes = capMibibytes;
    }

    /** LAB_MIB_PER_MINUTE is the rate; after LAB_CAP_MIB the program stays alive and takes no more (0: no cap). */
    static Pace fromEnvironment(Map<String, String> environment) {
        return new Pace(number(environment, "LAB_MIB_PER_MINUTE", 30), number(environment, "LAB_CAP_MIB", 0));
    }

    void run(String kind, Program program) throws Exception {
        double stepMibibytes = program.stepKibibytes() / 1024;
        long stepNanos = (long) (stepMibibytes / mibibytesPerMinute * 60e9);
        long started = System.nanoTime();
        long reported = started;
        for (long steps = 0; ; ) {
            boolean capped = capMibibytes > 0 && steps * stepMibibytes >= capMibibytes;
            if (!capped) {
                program.step();
                steps++;
            }
            long now = System.nanoTime();
            if (now - reported >= REPORT_NANOS) {
                reported = now;
                System.out.println(String.format(Locale.ROOT, "%s: %d steps, about %.1f MiB in %d s%s", kind, steps,
                        steps * stepMibibytes, (now - started) / 1_000_000_000, capped ? " (cap reached)" : ""));
            }
            long wait = capped ? REPORT_NANOS : started + steps * stepNanos - now;
            if (wait > 0) {
                Thread.sleep(wait / 1_000_000, (int) (wait % 1_000_000));
            }
        }
    }

    private static double number(Map<String, String> environment, String name, double otherwise) {
        String text = environment.get(name);
        return text == null || text.isEmpty() ? otherwise : Double.parseDouble(text);
    }
}
