package offheap.lab;

import java.util.Arrays;
import java.util.Random;
import java.util.zip.Deflater;

/** What the programs that use zlib feed it. */
final class Zlib {
    static final int PLAIN_BYTES = 64 * 1024;

    private Zlib() {}

    /** Bytes that do not compress, the same in every run. */
    static byte[] noise() {
        byte[] noise = new byte[PLAIN_BYTES];
        new Random(7).nextBytes(noise);
        return noise;
    }

    /** The noise as zlib packs it. */
    static byte[] packed() {
        byte[] packed = new byte[2 * PLAIN_BYTES];
        Deflater deflater = new Deflater(Deflater.BEST_SPEED);
        deflater.setInput(noise());
        deflater.finish();
        int bytes = deflater.deflate(packed);
        deflater.end();
        return Arrays.copyOf(packed, bytes);
    }
}
