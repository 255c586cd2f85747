package offheap.lab;

import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;

/**
 * Starts one program by its kind: {@code java offheap.lab.Main direct}.
 *
 * <p>The known answers are in {@code lab/programs.yaml}.
 */
public final class Main {
    private static final Map<String, Callable<Program>> PROGRAMS = new TreeMap<>();

    static {
        PROGRAMS.put("awaiting-gc", Abandoned::new);
        PROGRAMS.put("classloaders", ClassLoaders::new);
        PROGRAMS.put("deflater", Deflaters::new);
        PROGRAMS.put("direct", Direct::new);
        PROGRAMS.put("fragmentation", Fragmentation::new);
        PROGRAMS.put("healthy", Healthy::new);
        PROGRAMS.put("inflater", Inflaters::new);
        PROGRAMS.put("jnimalloc", NativeMalloc::new);
        PROGRAMS.put("jnimmap", NativeMmap::new);
        PROGRAMS.put("mapped", Mapped::new);
        PROGRAMS.put("netty", NettyBuffers::new);
        PROGRAMS.put("session-cache", SessionCache::new);
        PROGRAMS.put("threads", Threads::new);
        PROGRAMS.put("unsafe", UnsafeMemory::new);
    }

    private Main() {}

    public static void main(String[] arguments) throws Exception {
        Callable<Program> program = arguments.length == 1 ? PROGRAMS.get(arguments[0]) : null;
        if (program == null) {
            System.err.println("usage: java offheap.lab.Main KIND, where KIND is one of " + PROGRAMS.keySet());
            System.exit(2);
        }
        System.out.println(arguments[0] + ": started on Java " + System.getProperty("java.version"));
        Pace.fromEnvironment(System.getenv()).run(arguments[0], program.call());
    }
}
