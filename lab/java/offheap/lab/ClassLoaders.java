package offheap.lab;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;

/**
 * Class loaders that stay reachable, as after redeployments: each defines the same class anew, from the bytes of its
 * own class file.
 */
final class ClassLoaders implements Program {
    private final byte[] payload = bytesOf(Payload.class);
    private final List<Object> kept = new ArrayList<>();

    @Override
    public void step() throws Exception {
        kept.add(new PluginLoader(payload).define().getDeclaredConstructor().newInstance());
    }

    @Override
    public double stepKibibytes() {
        return 11;
    }

    private static byte[] bytesOf(Class<?> type) {
        try (InputStream file = type.getResourceAsStream(type.getSimpleName() + ".class")) {
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            byte[] chunk = new byte[4096];
            for (int n = file.read(chunk); n >= 0; n = file.read(chunk)) {
                bytes.write(chunk, 0, n);
            }
            return bytes.toByteArray();
        } catch (IOException unreadable) {
            throw new UncheckedIOException(unreadable);
        }
    }

    /** Defines the payload itself and leaves every other class to its parent. */
    static final class PluginLoader extends ClassLoader {
        private final byte[] payload;

        PluginLoader(byte[] payload) {
            super(PluginLoader.class.getClassLoader());
            this.payload = payload;
        }

        Class<?> define() {
            return defineClass(Payload.class.getName(), payload, 0, payload.length);
        }
    }
}
