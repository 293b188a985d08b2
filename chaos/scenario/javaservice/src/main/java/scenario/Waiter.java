package scenario;

import static dev.restate.serde.Serde.VOID;
import static scenario.Handlers.exclusive;
import static scenario.Handlers.shared;
import static scenario.Values.COMPLETION;
import static scenario.Values.STRING;
import static scenario.Values.WORK;

import dev.restate.common.Request;
import dev.restate.common.Target;
import dev.restate.sdk.Awakeable;
import dev.restate.sdk.ObjectContext;
import dev.restate.sdk.common.StateKey;
import dev.restate.sdk.endpoint.definition.ServiceDefinition;
import dev.restate.sdk.endpoint.definition.ServiceType;
import java.util.List;
import scenario.Values.Completion;
import scenario.Values.Work;

/** Publishes what it waits for as state, so that a shared handler can tell. */
final class Waiter {
  private static final StateKey<String> PENDING = StateKey.of("pending", STRING);

  private final String comm;

  Waiter(String prefix) {
    comm = prefix + "Comm";
  }

  ServiceDefinition definition(String name) {
    return ServiceDefinition.of(
        name,
        ServiceType.VIRTUAL_OBJECT,
        List.of(
            exclusive("await", WORK, STRING, Waiter::await),
            exclusive("handOver", STRING, STRING, this::handOver),
            shared("pending", VOID, STRING, (ctx, none) -> ctx.get(PENDING).orElse(""))));
  }

  /** Publishes an awakeable, sleeps, and only then waits for it. */
  private static String await(ObjectContext ctx, Work w) {
    Awakeable<String> awakeable = ctx.awakeable(STRING);
    ctx.set(PENDING, awakeable.id());
    if (w.millis() > 0) {
      ctx.sleep(w.pause());
    }
    return awakeable.await();
  }

  /** Gives an awakeable to another service, which resolves it. */
  private String handOver(ObjectContext ctx, String value) {
    Awakeable<String> awakeable = ctx.awakeable(STRING);
    Target target = Target.service(comm, "resolve");
    Completion in = new Completion(awakeable.id(), null, value, null);
    ctx.send(Request.of(target, COMPLETION, VOID, in));
    return awakeable.await();
  }
}
