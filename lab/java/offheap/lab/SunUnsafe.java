package offheap.lab;

import java.lang.reflect.Field;
import java.lang.reflect.Method;

/** sun.misc.Unsafe by reflection, for {@code javac --release 8} hides the class. */
final class SunUnsafe {
    private final Object unsafe;
    private final Method allocate;
    private final Method fill;
    private final Method putByte;

    SunUnsafe() throws ReflectiveOperationException {
        Class<?> type = Class.forName("sun.misc.Unsafe");
        Field instance = type.getDeclaredField("theUnsafe");
        instance.setAccessible(true);
        unsafe = instance.get(null);
        allocate = type.getMethod("allocateMemory", long.class);
        fill = type.getMethod("setMemory", long.class, long.class, byte.class);
        putByte = type.getMethod("putByte", long.class, byte.class);
    }

    long allocate(long bytes) throws ReflectiveOperationException {
        return (Long) allocate.invoke(unsafe, bytes);
    }

    void fill(long address, long bytes, byte value) throws ReflectiveOperationException {
        fill.invoke(unsafe, address, bytes, value);
    }

    void put(long address, byte[] bytes) throws ReflectiveOperationException {
        for (int i = 0; i < bytes.length; i++) {
            putByte.invoke(unsafe, address + i, bytes[i]);
        }
    }
}
