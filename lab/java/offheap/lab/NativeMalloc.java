package offheap.lab;

/** A native library that takes memory by malloc for each image and never frees it. */
final class NativeMalloc implements Program {
    private static final long IMAGE_BYTES = 64 * 1024;

    @Override
    public void step() {
        decodeImage();
    }

    @Override
    public double stepKibibytes() {
        return IMAGE_BYTES / 1024.0;
    }

    private static void decodeImage() {
        NativeLibrary.keepByMalloc(IMAGE_BYTES);
    }
}
