package offheap.agent;

import java.lang.instrument.Instrumentation;
import java.lang.reflect.Method;
import java.net.URL;
import java.net.URLClassLoader;

/** Netty's own counters, where it is loaded: most of its buffers are in no pool of java.nio. */
final class Netty {
    private static final int MOST = 16;

    private Netty() {}

    /** Every copy of Netty counts for itself, those that were moved into another package too. */
    static String copies(Instrumentation instrumentation) {
        StringBuilder nettys = new StringBuilder();
        int count = 0;
        Class<?>[] loaded = instrumentation.getAllLoadedClasses();
        for (Class<?> type : loaded) {
            if (type.getName().endsWith("netty.util.internal.PlatformDependent") && count < MOST
                    && isInitialised(type, instrumentation)) {
                count++;
                nettys.append(nettys.length() == 0 ? "" : ",").append("{\"class\":").append(BufferPools.quoted(type.getName()))
                        .append(",\"used_direct_bytes\":").append(counter(type, null, "usedDirectMemory"))
                        .append(",\"max_direct_bytes\":").append(counter(type, null, "maxDirectMemory"))
                        .append(",\"pooled\":").append(pooled(type, loaded, instrumentation)).append('}');
            }
        }
        return nettys.toString();
    }

    private static String pooled(Class<?> platform, Class<?>[] loaded, Instrumentation instrumentation) {
        String name = platform.getName().replace("util.internal.PlatformDependent", "buffer.PooledByteBufAllocator");
        for (Class<?> type : loaded) {
            if (type.getName().equals(name) && type.getClassLoader() == platform.getClassLoader()
                    && isInitialised(type, instrumentation)) {
                try {
                    Object allocator = type.getField("DEFAULT").get(null);
                    Object metric = type.getMethod("metric").invoke(allocator);
                    return "{\"used_direct_bytes\":" + counter(metric.getClass(), metric, "usedDirectMemory")
                            + ",\"used_heap_bytes\":" + counter(metric.getClass(), metric, "usedHeapMemory")
                            + ",\"direct_arenas\":" + counter(metric.getClass(), metric, "numDirectArenas")
                            + ",\"chunk_bytes\":" + counter(metric.getClass(), metric, "chunkSize") + "}";
                } catch (Throwable older) {
                    return "null";
                }
            }
        }
        return "null";
    }

    /** Netty says -1 for what it does not count. */
    private static Long counter(Class<?> type, Object instance, String name) {
        try {
            Method method = type.getMethod(name);
            if (instance == null) {
                return notNegative(method.invoke(null));
            }
            return notNegative(method.invoke(instance));
        } catch (Throwable absent) {
            return null;
        }
    }

    private static Long notNegative(Object number) {
        long value = ((Number) number).longValue();
        return value < 0 ? null : value;
    }

    private static boolean isInitialised(Class<?> type, Instrumentation instrumentation) {
        try {
            return Initialised.test("sun.misc.Unsafe", type);
        } catch (Throwable sinceJdk22) {
            return isInitialisedSinceJdk22(type, instrumentation);
        }
    }

    /**
     * Only java.base knows, in a package that it keeps to itself. It is opened to a class loader that nobody else has and that
     * is garbage afterwards, not to the class path, where the application lives.
     */
    private static boolean isInitialisedSinceJdk22(Class<?> type, Instrumentation instrumentation) {
        try {
            URL jar = BufferPools.class.getProtectionDomain().getCodeSource().getLocation();
            try (URLClassLoader alone = new URLClassLoader(new URL[] {jar}, null)) {
                Class<?> test = Class.forName(Initialised.class.getName(), true, alone);
                Initialised.export("jdk.internal.misc", test, instrumentation);
                return (Boolean) test.getMethod("test", String.class, Class.class)
                        .invoke(null, "jdk.internal.misc.Unsafe", type);
            }
        } catch (Throwable unknown) {
            return false;
        }
    }
}
