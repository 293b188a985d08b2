package scenario;

import static dev.restate.serde.Serde.VOID;
import static scenario.Handlers.beside;
import static scenario.Handlers.workflow;
import static scenario.Values.STRING;

import dev.restate.sdk.SharedWorkflowContext;
import dev.restate.sdk.WorkflowContext;
import dev.restate.sdk.common.DurablePromiseKey;
import dev.restate.sdk.common.StateKey;
import dev.restate.sdk.endpoint.definition.ServiceDefinition;
import dev.restate.sdk.endpoint.definition.ServiceType;
import dev.restate.serde.Serde;
import dev.restate.serde.jackson.JacksonSerdes;
import java.time.Duration;
import java.util.List;
import scenario.Values.Purchase;
import scenario.Values.Receipt;

/** The workflow: step, sleep, step, maybe a promise, step. */
final class Order {
  private static final Serde<Purchase> PURCHASE = JacksonSerdes.of(Purchase.class);
  private static final Serde<Receipt> RECEIPT = JacksonSerdes.of(Receipt.class);
  private static final StateKey<String> STATUS = StateKey.of("status", STRING);
  private static final DurablePromiseKey<String> GO = DurablePromiseKey.of("go", STRING);

  private final Effects fx;

  Order(Effects fx) {
    this.fx = fx;
  }

  ServiceDefinition definition(String name) {
    return ServiceDefinition.of(
            name,
            ServiceType.WORKFLOW,
            List.of(
                workflow("run", PURCHASE, RECEIPT, this::run),
                beside("status", VOID, STRING, (ctx, none) -> ctx.get(STATUS).orElse("")),
                beside("go", STRING, (ctx, value) -> ctx.promiseHandle(GO).resolve(value)),
                beside("refuse", STRING, (ctx, text) -> ctx.promiseHandle(GO).reject(text)),
                beside("peek", VOID, STRING, Order::peek)))
        .configure(service -> service.workflowRetention(Duration.ofHours(1)));
  }

  private Receipt run(WorkflowContext ctx, Purchase in) {
    fx.step(ctx, in.id() + "-1");
    ctx.set(STATUS, "started"); // visible: the first step is durable
    if (in.millis() > 0) {
      ctx.sleep(Duration.ofMillis(in.millis()));
    }
    fx.step(ctx, in.id() + "-2");
    String go = "";
    if (in.waits()) {
      ctx.set(STATUS, "waiting");
      go = ctx.promise(GO).future().await();
    }
    fx.step(ctx, in.id() + "-3");
    ctx.set(STATUS, "done");
    return new Receipt(in.id(), go);
  }

  private static String peek(SharedWorkflowContext ctx, Void none) {
    return ctx.promise(GO).peek().orElse(null);
  }
}
