package offheap.lab;

import java.lang.reflect.Field;
import java.lang.reflect.Method;

/**
 * Memory of sun.misc.Unsafe that is never freed, as in home-made caches and serializers.
 *
 * <p>By reflection, for {@code javac --release 8} hides the class.
 */
final class UnsafeMemory implements Program {
    private static final long BLOCK_BYTES = 256 * 1024;

    private final Object unsafe;
    private final Method allocate;
    private final Method fill;

    UnsafeMemory() throws ReflectiveOperationException {
        Class<?> type = Class.forName("sun.misc.Unsafe");
        Field instance = type.getDeclaredField("theUnsafe");
        instance.setAccessible(true);
        unsafe = instance.get(null);
        allocate = type.getMethod("allocateMemory", long.class);
        fill = type.getMethod("setMemory", long.class, long.class, byte.class);
    }

    @Override
    public void step() throws ReflectiveOperationException {
        Object address = allocate.invoke(unsafe, BLOCK_BYTES);
        fill.invoke(unsafe, address, BLOCK_BYTES, (byte) 1);
    }

    @Override
    public double stepKibibytes() {
        return BLOCK_BYTES / 1024.0;
    }
}
