package offheap.lab;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.PooledByteBufAllocator;
import java.util.ArrayList;
import java.util.List;

/** Buffers of Netty's pool that are never released: handlers that forget the last {@code release()}. */
final class NettyBuffers implements Program {
    private static final int MESSAGE_BYTES = 512 * 1024;

    private final List<ByteBuf> kept = new ArrayList<>();

    @Override
    public void step() {
        kept.add(handleMessage());
    }

    @Override
    public double stepKibibytes() {
        return MESSAGE_BYTES / 1024.0;
    }

    private static ByteBuf handleMessage() {
        ByteBuf message = PooledByteBufAllocator.DEFAULT.directBuffer(MESSAGE_BYTES);
        message.writeZero(MESSAGE_BYTES);
        return message;
    }
}
