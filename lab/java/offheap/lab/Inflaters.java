package offheap.lab;

import java.util.ArrayList;
import java.util.List;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;

/** Inflaters used once and never ended: zlib takes its window by malloc, and no counter of the JVM sees it. */
final class Inflaters implements Program {
    private final List<Inflater> kept = new ArrayList<>();
    private final byte[] packed = Zlib.packed();
    private final byte[] plain = new byte[Zlib.PLAIN_BYTES];

    @Override
    public void step() throws DataFormatException {
        kept.add(unpack(packed, plain));
    }

    @Override
    public double stepKibibytes() {
        return 40;
    }

    /** Stops midway, for there zlib needs its window of 32 KiB, and so it is filled. */
    static Inflater unpack(byte[] packed, byte[] plain) throws DataFormatException {
        Inflater inflater = new Inflater();
        inflater.setInput(packed);
        inflater.inflate(plain, 0, plain.length / 2);
        return inflater;
    }
}
