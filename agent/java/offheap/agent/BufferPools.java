package offheap.agent;

import java.lang.instrument.Instrumentation;
import java.lang.management.BufferPoolMXBean;
import java.lang.management.ManagementFactory;
import java.lang.reflect.Method;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.ByteBuffer;
import java.nio.channels.ByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.OpenOption;
import java.nio.file.Paths;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Locale;
import java.util.Set;

/**
 * Writes what the JVM and Netty count of their direct and mapped buffers into a file, as one JSON object.
 *
 * <p>It is loaded into a running JVM that belongs to somebody else, so it starts no thread, keeps nothing, initialises no
 * class of the application, and lets nothing be thrown. Java 8, and only modules that a JRE has.
 */
public final class BufferPools {
    private static final int MOST_NETTYS = 16;

    private BufferPools() {}

    /** {@code answer} is the path of a file that exists; it is emptied and written, and a link is not followed. */
    public static void agentmain(String answer, Instrumentation instrumentation) {
        try {
            String json;
            try {
                json = json(instrumentation);
            } catch (Throwable failure) { // a module that is absent is an error too, and an error would end the attach
                json = "{\"error\":" + quoted(String.valueOf(failure)) + "}";
            }
            write(answer, json);
        } catch (Throwable unwritable) {
            // The answer stays empty, and the collector says so.
            return;
        }
    }

    private static void write(String path, String json) throws Exception {
        Set<OpenOption> options = new HashSet<>(Arrays.asList(
                StandardOpenOption.WRITE, StandardOpenOption.TRUNCATE_EXISTING, LinkOption.NOFOLLOW_LINKS));
        try (ByteChannel file = Files.newByteChannel(Paths.get(path), options)) {
            // The JDK copies it into a direct buffer of this size, which the attach thread keeps: the next answer counts it.
            ByteBuffer bytes = ByteBuffer.wrap(json.getBytes(StandardCharsets.UTF_8));
            while (bytes.hasRemaining()) {
                file.write(bytes);
            }
        }
    }

    private static String json(Instrumentation instrumentation) {
        StringBuilder pools = new StringBuilder();
        for (BufferPoolMXBean pool : ManagementFactory.getPlatformMXBeans(BufferPoolMXBean.class)) {
            pools.append(pools.length() == 0 ? "" : ",")
                    .append(String.format(Locale.ROOT, "{\"name\":%s,\"count\":%d,\"used_bytes\":%d,\"capacity_bytes\":%d}",
                            quoted(pool.getName()), pool.getCount(), pool.getMemoryUsed(), pool.getTotalCapacity()));
        }
        return "{\"pools\":[" + pools + "],\"max_direct_bytes\":" + maxDirectBytes()
                + ",\"disable_explicit_gc\":" + disableExplicitGc() + ",\"netty\":[" + nettys(instrumentation) + "]}";
    }

    /** What java.nio.Bits compares with: the option when somebody set it, else the heap's maximum. */
    private static Long maxDirectBytes() {
        try {
            com.sun.management.VMOption option = vmOption("MaxDirectMemorySize");
            boolean isDefault = option.getOrigin() == com.sun.management.VMOption.Origin.DEFAULT;
            return isDefault ? Runtime.getRuntime().maxMemory() : Long.parseLong(option.getValue());
        } catch (Throwable unknown) { // a runtime image without jdk.management
            return null;
        }
    }

    private static Boolean disableExplicitGc() {
        try {
            return Boolean.valueOf(vmOption("DisableExplicitGC").getValue());
        } catch (Throwable unknown) {
            return null;
        }
    }

    private static com.sun.management.VMOption vmOption(String name) {
        return ManagementFactory.getPlatformMXBean(com.sun.management.HotSpotDiagnosticMXBean.class).getVMOption(name);
    }

    /** Every copy of Netty counts for itself, those that were moved into another package too. */
    private static String nettys(Instrumentation instrumentation) {
        StringBuilder nettys = new StringBuilder();
        int count = 0;
        Class<?>[] loaded = instrumentation.getAllLoadedClasses();
        for (Class<?> type : loaded) {
            if (type.getName().endsWith("netty.util.internal.PlatformDependent") && count < MOST_NETTYS
                    && isInitialised(type, instrumentation)) {
                count++;
                nettys.append(nettys.length() == 0 ? "" : ",").append("{\"class\":").append(quoted(type.getName()))
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

    static String quoted(String text) {
        StringBuilder quoted = new StringBuilder("\"");
        for (int index = 0; index < Math.min(text.length(), 500); index++) {
            char character = text.charAt(index);
            boolean plain = character >= ' ' && character < 127 && character != '"' && character != '\\';
            quoted.append(plain ? String.valueOf(character) : String.format(Locale.ROOT, "\\u%04x", (int) character));
        }
        return quoted.append('"').toString();
    }
}
