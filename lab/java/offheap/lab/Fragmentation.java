package offheap.lab;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * No leak: a crowd of threads frees nearly all that it takes, and glibc keeps it, for in each of its arenas a few bytes
 * that live lie between the freed blocks.
 */
final class Fragmentation implements Program {
    private static final int THREADS = 24;
    private static final int BLOCKS = 16;
    private static final long FIRST_BLOCK_BYTES = 32 * 1024;
    private static final long LARGER_BYTES = 256;
    private static final long REST_BYTES = 32;

    private final List<ExecutorService> threads = new ArrayList<>();
    private int bursts;

    Fragmentation() {
        for (int i = 0; i < THREADS; i++) {
            threads.add(Executors.newSingleThreadExecutor(work -> {
                Thread thread = new Thread(work, "image-scaler-" + (threads.size() + 1));
                thread.setDaemon(true);
                return thread;
            }));
        }
    }

    @Override
    public void step() throws InterruptedException, ExecutionException {
        long blockBytes = FIRST_BLOCK_BYTES + LARGER_BYTES * (bursts / THREADS);
        threads.get(bursts++ % THREADS).submit(() -> scale(blockBytes)).get();
    }

    @Override
    public double stepKibibytes() {
        return BLOCKS * FIRST_BLOCK_BYTES / 1024.0;
    }

    private static void scale(long blockBytes) {
        NativeLibrary.burst(BLOCKS, blockBytes, REST_BYTES);
    }
}
