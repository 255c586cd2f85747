package offheap.lab;

import java.util.ArrayList;
import java.util.List;
import java.util.zip.Deflater;

/** Deflaters used once and never ended: each keeps a quarter of a MiB of zlib's state by malloc. */
final class Deflaters implements Program {
    private final List<Deflater> kept = new ArrayList<>();
    private final byte[] plain = Zlib.noise();
    private final byte[] packed = new byte[2 * Zlib.PLAIN_BYTES];

    @Override
    public void step() {
        kept.add(compress(plain, packed));
    }

    @Override
    public double stepKibibytes() {
        return 260;
    }

    static Deflater compress(byte[] plain, byte[] packed) {
        Deflater deflater = new Deflater();
        deflater.setInput(plain);
        deflater.finish();
        deflater.deflate(packed);
        return deflater;
    }
}
