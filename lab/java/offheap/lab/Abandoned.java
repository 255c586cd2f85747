package offheap.lab;

import java.util.zip.DataFormatException;

/**
 * Inflaters that nobody holds and nobody has ended: the next collection would give their memory back, but a heap that is
 * much larger than what the program makes sees none.
 *
 * <p>It needs a young generation that what it makes does not fill.
 */
final class Abandoned implements Program {
    private final byte[] packed = Zlib.packed();
    private final byte[] plain = new byte[Zlib.PLAIN_BYTES];

    @Override
    public void step() throws DataFormatException {
        Inflaters.unpack(packed, plain);
    }

    @Override
    public double stepKibibytes() {
        return 40;
    }
}
