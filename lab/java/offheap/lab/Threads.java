package offheap.lab;

/** Threads that wait for ever, as those of an executor which is made anew for every request and never shut down. */
final class Threads implements Program {
    private static final int DEPTH = 1000;

    private int started;

    @Override
    public void step() {
        Thread thread = new Thread(Threads::workOnceThenWait, "mail-worker-" + ++started);
        thread.setDaemon(true);
        thread.start();
    }

    @Override
    public double stepKibibytes() {
        return 120;
    }

    private static void workOnceThenWait() {
        descend(DEPTH);
        try {
            Thread.sleep(Long.MAX_VALUE);
        } catch (InterruptedException stop) {
            Thread.currentThread().interrupt();
        }
    }

    /** Touches the stack as a call through a framework does: its pages stay resident when the thread then waits. */
    private static int descend(int depth) {
        return depth == 0 ? 0 : depth + descend(depth - 1);
    }
}
