package offheap.lab;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.zip.DataFormatException;
import java.util.zip.Deflater;
import java.util.zip.Inflater;

/** Inflaters used once and never ended: zlib takes its window by malloc, and no counter of the JVM sees it. */
final class Inflaters implements Program {
    private static final int PLAIN_BYTES = 64 * 1024;

    private final List<Inflater> kept = new ArrayList<>();
    private final byte[] plain = new byte[PLAIN_BYTES];
    private final byte[] packed = new byte[2 * PLAIN_BYTES];
    private final int packedBytes;

    Inflaters() {
        new Random(7).nextBytes(plain);
        Deflater deflater = new Deflater(Deflater.BEST_SPEED);
        deflater.setInput(plain);
        deflater.finish();
        packedBytes = deflater.deflate(packed);
        deflater.end();
    }

    @Override
    public void step() throws DataFormatException {
        Inflater inflater = new Inflater();
        inflater.setInput(packed, 0, packedBytes);
        inflater.inflate(plain, 0, PLAIN_BYTES / 2); // midway zlib needs its window of 32 KiB, and so it is filled
        kept.add(inflater);
    }

    @Override
    public double stepKibibytes() {
        return 40;
    }
}
