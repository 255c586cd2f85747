package offheap.lab;

/** A native library that maps memory for each index segment and never unmaps it: past malloc and past the JVM. */
final class NativeMmap implements Program {
    private static final long SEGMENT_BYTES = 512 * 1024;

    @Override
    public void step() {
        openSegment();
    }

    @Override
    public double stepKibibytes() {
        return SEGMENT_BYTES / 1024.0;
    }

    private static void openSegment() {
        NativeLibrary.keepByMmap(SEGMENT_BYTES);
    }
}
