package scenario;

import dev.restate.sdk.endpoint.Endpoint;
import dev.restate.sdk.http.vertx.RestateHttpServer;
import java.io.IOException;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletionException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

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

  private static void serve(Map<String, String> flags) throws IOException {
    String listen = flags.getOrDefault("--listen", "127.0.0.1:9080");
    String prefix = flags.getOrDefault("--prefix", "Java");
    Effects fx = new Effects(flags.getOrDefault("--effects", ""));
    Endpoint endpoint =
        Endpoint.builder()
            .bind(new Basic(fx).definition(prefix + "Basic"))
            .bind(new Comm(prefix).definition(prefix + "Comm"))
            .bind(new Store(prefix + "Store").definition(false))
            .bind(new Store(prefix + "LazyStore").definition(true))
            .bind(new Waiter(prefix).definition(prefix + "Waiter"))
            .bind(new Order(fx).definition(prefix + "Order"))
            .build();
    Matcher address = Pattern.compile("(.+):(\\d{1,5})").matcher(listen);
    if (!address.matches()) {
      throw new IllegalArgumentException("--listen " + listen + " is not of the form HOST:PORT");
    }
    try {
      RestateHttpServer.fromEndpoint(endpoint)
          .listen(Integer.parseInt(address.group(2)), address.group(1))
          .toCompletionStage()
          .toCompletableFuture()
          .join();
    } catch (CompletionException | IllegalArgumentException e) {
      Throwable why = e.getCause() == null ? e : e.getCause();
      throw new IOException("serve on " + listen + ": " + why.getMessage(), e);
    }
  }
}
