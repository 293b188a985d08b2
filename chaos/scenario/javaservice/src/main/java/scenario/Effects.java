package scenario;

import dev.restate.sdk.Context;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.Map;

/**
 * Counts side effects by name, in memory and as lines of a file. It may be used by many
 * threads.
 */
final class Effects {
  private final FileChannel file; // null: memory only
  private final Map<String, Integer> count = new HashMap<>(); // guarded by this
  private final Map<String, String> note = new HashMap<>(); // guarded by this

  /** Opens the file for appending; an empty path keeps counts in memory only. */
  Effects(String path) throws IOException {
    file = path.isEmpty() ? null : open(Path.of(path));
  }

  private static FileChannel open(Path path) throws IOException {
    try {
      return FileChannel.open(path, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    } catch (IOException e) {
      throw new IOException("open effects file: " + e, e);
    }
  }

  /** Performs the side effect once more and returns how often this process has done it. */
  int add(String name) throws IOException {
    int n = bump(name);
    if (file != null) {
      ByteBuffer line = ByteBuffer.wrap((name + "\n").getBytes(StandardCharsets.UTF_8));
      file.write(line); // one write: lines of two threads do not mix
    }
    return n;
  }

  /** Counts in memory alone: for attempts, which are allowed to repeat. */
  synchronized int bump(String name) {
    return count.merge(name, 1, Integer::sum);
  }

  synchronized int get(String name) {
    return count.getOrDefault(name, 0);
  }

  /** Remembers value under name unless something is there, and returns what is. */
  synchronized String first(String name, String value) {
    String old = note.putIfAbsent(name, value);
    return old == null ? value : old;
  }

  /** Performs one durable, counted side effect. */
  void step(Context ctx, String name) {
    ctx.run(name, Integer.class, () -> add(name));
  }
}
