package scenario;

import dev.restate.sdk.endpoint.Endpoint;
import dev.restate.sdk.http.vertx.RestateHttpServer;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;

/**
 * Serves the scenario handlers with the official Java SDK.
 *
 * <p>It listens for cleartext HTTP/2 on {@code --listen}, prefixes its service names with
 * {@code --prefix} and appends one line per side effect to {@code --effects}.
 */
public final class Main {
  private static final Set<String> FLAGS = Set.of("--listen", "--prefix", "--effects");

  private Main() {}

  public static void main(String[] args) {
    // Failures are what the checks ask for, so the SDK's warnings about them are noise.
    System.setProperty("log4j2.level", "OFF");
    try {
      serve(flags(args));
    } catch (Exception e) {
      System.err.println("javaservice: " + e.getMessage());
      System.exit(1);
    }
  }

  private static Map<String, String> flags(String[] args) {
    Map<String, String> values = new HashMap<>();
    for (int i = 0; i < args.length; i += 2) {
      if (!FLAGS.contains(args[i]) || i + 1 == args.length) {
        throw new IllegalArgumentException(
            args[i] + " is no flag with a value; give --listen, --prefix and --effects");
      }
      values.put(args[i], args[i + 1]);
    }
    return values;
  }

  private static void serve(Map<String, String> flags) throws Exception {
    String listen = flags.getOrDefault("--listen", "127.0.0.1:9080");
    String prefix = flags.getOrDefault("--prefix", "Java");
    String path = flags.getOrDefault("--effects", "");
    Effects fx = new Effects(path.isEmpty() ? null : Path.of(path));
    Endpoint endpoint =
        Endpoint.builder()
            .bind(new Basic(fx).definition(prefix + "Basic"))
            .bind(new Comm(prefix).definition(prefix + "Comm"))
            .bind(new Store(prefix + "Store").definition(false))
            .bind(new Store(prefix + "LazyStore").definition(true))
            .bind(new Waiter(prefix).definition(prefix + "Waiter"))
            .bind(new Order(fx).definition(prefix + "Order"))
            .build();
    int colon = listen.lastIndexOf(':');
    String host = listen.substring(0, colon);
    int port = Integer.parseInt(listen.substring(colon + 1));
    RestateHttpServer.fromEndpoint(endpoint)
        .listen(port, host)
        .toCompletionStage()
        .toCompletableFuture()
        .get();
  }
}
