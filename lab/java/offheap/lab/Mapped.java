package offheap.lab;

import java.io.File;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.util.ArrayList;
import java.util.List;

/** Files mapped piece by piece, written to and kept mapped, as logs and indexes on a volume are. It needs a writable /tmp. */
final class Mapped implements Program {
    private static final int PIECE_BYTES = 512 * 1024;
    private static final int PAGE_BYTES = 4096;

    private final List<MappedByteBuffer> kept = new ArrayList<>();
    private final RandomAccessFile journal;

    Mapped() throws IOException {
        File file = File.createTempFile("journal", ".dat");
        file.deleteOnExit();
        journal = new RandomAccessFile(file, "rw");
    }

    @Override
    public void step() throws IOException {
        long start = (long) kept.size() * PIECE_BYTES;
        MappedByteBuffer piece = journal.getChannel().map(FileChannel.MapMode.READ_WRITE, start, PIECE_BYTES);
        for (int at = 0; at < PIECE_BYTES; at += PAGE_BYTES) {
            piece.put(at, (byte) 1);
        }
        kept.add(piece);
    }

    @Override
    public double stepKibibytes() {
        return PIECE_BYTES / 1024.0;
    }
}
