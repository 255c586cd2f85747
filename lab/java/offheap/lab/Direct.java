package offheap.lab;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * Direct buffers that a collection keeps: the classic of network services which pool without a bound.
 *
 * <p>It needs a -XX:MaxDirectMemorySize above what it leaks.
 */
final class Direct implements Program {
    private static final int BUFFER_BYTES = 512 * 1024;

    private final List<ByteBuffer> kept = new ArrayList<>();

    @Override
    public void step() {
        kept.add(ByteBuffer.allocateDirect(BUFFER_BYTES)); // the JDK zeroes it, and so every page is resident
    }

    @Override
    public double stepKibibytes() {
        return BUFFER_BYTES / 1024.0;
    }
}
