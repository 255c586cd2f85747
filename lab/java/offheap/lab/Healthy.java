package offheap.lab;

import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.Deque;

/**
 * A service which does its work: short-lived objects, a live set of constant size, one direct buffer used again and
 * again. Nothing grows once it is warm; the live set fits a survivor space, so that the old generation stays untouched.
 */
final class Healthy implements Program {
    private static final int REQUEST_BYTES = 64 * 1024;
    private static final int LIVE_REQUESTS = 16;

    private final Deque<byte[]> live = new ArrayDeque<>();
    private final ByteBuffer network = ByteBuffer.allocateDirect(REQUEST_BYTES);

    @Override
    public void step() {
        byte[] request = new byte[REQUEST_BYTES];
        network.clear();
        network.put(request);
        live.addLast(request);
        if (live.size() > LIVE_REQUESTS) {
            live.removeFirst();
        }
    }

    @Override
    public double stepKibibytes() {
        return REQUEST_BYTES / 1024.0;
    }
}
