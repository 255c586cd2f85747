package offheap.lab;

/** liblab.so, built from lab/c: what a library with native code does, in its three ways of taking memory. */
final class NativeLibrary {
    private static final String DEFAULT_PATH = "/opt/lab/liblab.so";

    static {
        System.load(System.getProperty("lab.library", DEFAULT_PATH));
    }

    private NativeLibrary() {}

    /** One block by malloc, written to and kept. */
    static native void keepByMalloc(long bytes);

    /** One anonymous mapping by mmap, written to and kept. */
    static native void keepByMmap(long bytes);

    /**
     * A burst of work: blocks of equal size by malloc, written to, then freed but for a small rest at the head of each.
     * A later burst with larger blocks finds no hole to fit.
     */
    static native void burst(int blocks, long blockBytes, long restBytes);
}
