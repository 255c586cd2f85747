package offheap.agent;

import java.lang.instrument.Instrumentation;
import java.nio.ByteBuffer;
import java.nio.channels.ByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.OpenOption;
import java.nio.file.Paths;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Locale;
import java.util.Set;

/**
 * Writes what the JVM and Netty count of their direct and mapped buffers into a file, as one JSON object.
 *
 * <p>It is loaded into a running JVM that belongs to somebody else, so it starts no thread, keeps nothing, initialises no
 * class of the application, and lets nothing be thrown. Java 8, and only modules that a JRE has.
 *
 * <p>The JVM lists the methods of this class to find the one below, so none of them may name a type that a small runtime image
 * lacks: that would fail, with a stack trace in the application's log, before anything of ours runs.
 */
public final class BufferPools {
    private BufferPools() {}

    /** {@code answer} is the path of a file that exists; it is emptied and written, and a link is not followed. */
    public static void agentmain(String answer, Instrumentation instrumentation) {
        try {
            String json;
            try {
                json = "{" + Pools.members() + "," + limits() + ",\"netty\":[" + Netty.copies(instrumentation) + "]}";
            } catch (Throwable failure) { // a module that is absent is an error too, and an error would end the attach
                json = "{\"error\":" + quoted(String.valueOf(failure)) + "}";
            }
            write(answer, json);
        } catch (Throwable unwritable) {
            // The answer stays empty, and the collector says so.
            return;
        }
    }

    private static String limits() {
        try {
            return Limits.members();
        } catch (Throwable unknown) { // a runtime image without jdk.management
            return "\"max_direct_bytes\":null,\"disable_explicit_gc\":null";
        }
    }

    private static void write(String path, String json) throws Exception {
        Set<OpenOption> options = new HashSet<>(Arrays.asList(
                StandardOpenOption.WRITE, StandardOpenOption.TRUNCATE_EXISTING, LinkOption.NOFOLLOW_LINKS));
        try (ByteChannel file = Files.newByteChannel(Paths.get(path), options)) {
            // The JDK copies it into a direct buffer of this size, which the attach thread keeps: the next answer counts it.
            ByteBuffer bytes = ByteBuffer.wrap(json.getBytes(StandardCharsets.UTF_8));
            while (bytes.hasRemaining()) {
                file.write(bytes);
            }
        }
    }

    /** As a JSON string. */
    static String quoted(String text) {
        StringBuilder quoted = new StringBuilder("\"");
        for (int index = 0; index < Math.min(text.length(), 500); index++) {
            char character = text.charAt(index);
            boolean plain = character >= ' ' && character < 127 && character != '"' && character != '\\';
            quoted.append(plain ? String.valueOf(character) : String.format(Locale.ROOT, "\\u%04x", (int) character));
        }
        return quoted.append('"').toString();
    }
}
