package offheap.lab;

/** Memory of sun.misc.Unsafe that is never freed, as in home-made caches and serializers. */
final class UnsafeMemory implements Program {
    private static final long BLOCK_BYTES = 256 * 1024;

    private final SunUnsafe unsafe;

    UnsafeMemory() throws ReflectiveOperationException {
        unsafe = new SunUnsafe();
    }

    @Override
    public void step() throws ReflectiveOperationException {
        unsafe.fill(unsafe.allocate(BLOCK_BYTES), BLOCK_BYTES, (byte) 1);
    }

    @Override
    public double stepKibibytes() {
        return BLOCK_BYTES / 1024.0;
    }
}
