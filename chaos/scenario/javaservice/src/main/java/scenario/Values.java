package scenario;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.JsonNode;
import dev.restate.sdk.common.TerminalException;
import dev.restate.serde.Serde;
import dev.restate.serde.jackson.JacksonSerdes;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;

/** The inputs and outputs of the handlers. */
final class Values {
  private Values() {}

  /** Any JSON, passed on byte by byte. */
  static final Serde<byte[]> JSON = Serde.withContentType("application/json", Serde.RAW);

  static final Serde<Integer> INT = JacksonSerdes.of(Integer.class);
  static final Serde<String> STRING = JacksonSerdes.of(String.class);
  static final Serde<List<String>> STRINGS = JacksonSerdes.of(new TypeReference<>() {});
  static final Serde<Map<String, String>> STRING_MAP = JacksonSerdes.of(new TypeReference<>() {});

  static final Serde<Work> WORK = JacksonSerdes.of(Work.class);
  static final Serde<Failure> FAILURE = JacksonSerdes.of(Failure.class);
  static final Serde<Completion> COMPLETION = JacksonSerdes.of(Completion.class);

  static byte[] jsonOrNull(byte[] text) {
    return text.length == 0 ? "null".getBytes(StandardCharsets.UTF_8) : text;
  }

  record Work(String id, int times, int maxAttempts, int millis) {
    static Work lasting(int millis) {
      return new Work(null, 0, 0, millis);
    }

    Duration pause() {
      return Duration.ofMillis(millis);
    }
  }

  record Failure(int code, String message) {
    TerminalException terminal() {
      return new TerminalException(code, message);
    }
  }

  record Report(int value, int attempts) {}

  /** Names a handler of any service and what to send it. */
  record Request(
      String service,
      String key,
      String handler,
      JsonNode input,
      Map<String, String> headers,
      String idempotencyKey,
      int delayMillis) {}

  @JsonInclude(JsonInclude.Include.NON_NULL)
  record Answer(String id, JsonNode output) {}

  record Completion(String id, String name, String value, String message) {}

  record Contest(int callMillis, int timerMillis) {}

  record Entry(String key, JsonNode value) {}

  /** The component of a record cannot be called wait. */
  record Purchase(String id, int millis, @JsonProperty("wait") boolean waits) {}

  record Receipt(String id, String go) {}
}
