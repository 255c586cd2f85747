package offheap.lab;

import java.nio.charset.StandardCharsets;

/**
 * A cache outside the heap that never lets a session go: its content says whose it is, to who reads the memory itself.
 *
 * <p>Each session is one text, padded with zeros as in a table of fixed rows.
 */
final class SessionCache implements Program {
    private static final int ROW_BYTES = 1024;
    private static final int ROWS = 256;

    private final SunUnsafe unsafe;
    private long session = 1_000_000;

    SessionCache() throws ReflectiveOperationException {
        unsafe = new SunUnsafe();
    }

    @Override
    public void step() throws ReflectiveOperationException {
        remember();
    }

    @Override
    public double stepKibibytes() {
        return ROWS * ROW_BYTES / 1024.0;
    }

    private void remember() throws ReflectiveOperationException {
        long block = unsafe.allocate((long) ROWS * ROW_BYTES);
        unsafe.fill(block, (long) ROWS * ROW_BYTES, (byte) 0);
        for (int row = 0; row < ROWS; row++) {
            unsafe.put(block + (long) row * ROW_BYTES, text(++session));
        }
    }

    private static byte[] text(long session) {
        String text = "SESSION-CONTEXT native handle owner=com.acme.ImageCache id=" + session;
        return text.getBytes(StandardCharsets.US_ASCII);
    }
}
