package scenario;

import dev.restate.common.function.ThrowingBiConsumer;
import dev.restate.common.function.ThrowingBiFunction;
import dev.restate.sdk.Context;
import dev.restate.sdk.HandlerRunner;
import dev.restate.sdk.ObjectContext;
import dev.restate.sdk.SharedObjectContext;
import dev.restate.sdk.SharedWorkflowContext;
import dev.restate.sdk.WorkflowContext;
import dev.restate.sdk.endpoint.definition.HandlerDefinition;
import dev.restate.sdk.endpoint.definition.HandlerType;
import dev.restate.serde.Serde;
import dev.restate.serde.jackson.JacksonSerdeFactory;

/**
 * Makes the definitions of handlers. The names of services are known at run time only, so
 * they are built by hand and not generated from annotations. The context that a body takes
 * goes with the kind of handler, which nothing but these methods checks.
 */
final class Handlers {
  private Handlers() {}

  static <I, O> HandlerDefinition<I, O> service(
      String name, Serde<I> in, Serde<O> out, ThrowingBiFunction<Context, I, O> body) {
    return any(name, HandlerType.SHARED, in, out, body);
  }

  static <I> HandlerDefinition<I, Void> service(
      String name, Serde<I> in, ThrowingBiConsumer<Context, I> body) {
    return any(name, HandlerType.SHARED, in, body);
  }

  static <I, O> HandlerDefinition<I, O> exclusive(
      String name, Serde<I> in, Serde<O> out, ThrowingBiFunction<ObjectContext, I, O> body) {
    return any(name, HandlerType.EXCLUSIVE, in, out, body);
  }

  static <I> HandlerDefinition<I, Void> exclusive(
      String name, Serde<I> in, ThrowingBiConsumer<ObjectContext, I> body) {
    return any(name, HandlerType.EXCLUSIVE, in, body);
  }

  static <I, O> HandlerDefinition<I, O> shared(
      String name, Serde<I> in, Serde<O> out, ThrowingBiFunction<SharedObjectContext, I, O> body) {
    return any(name, HandlerType.SHARED, in, out, body);
  }

  static <I, O> HandlerDefinition<I, O> workflow(
      String name, Serde<I> in, Serde<O> out, ThrowingBiFunction<WorkflowContext, I, O> body) {
    return any(name, HandlerType.WORKFLOW, in, out, body);
  }

  static <I, O> HandlerDefinition<I, O> beside(
      String name,
      Serde<I> in,
      Serde<O> out,
      ThrowingBiFunction<SharedWorkflowContext, I, O> body) {
    return any(name, HandlerType.SHARED, in, out, body);
  }

  static <I> HandlerDefinition<I, Void> beside(
      String name, Serde<I> in, ThrowingBiConsumer<SharedWorkflowContext, I> body) {
    return any(name, HandlerType.SHARED, in, body);
  }

  private static <C extends Context, I, O> HandlerDefinition<I, O> any(
      String name,
      HandlerType type,
      Serde<I> in,
      Serde<O> out,
      ThrowingBiFunction<C, I, O> body) {
    return HandlerDefinition.of(
        name,
        type,
        in,
        out,
        HandlerRunner.of(body, JacksonSerdeFactory.DEFAULT, HandlerRunner.Options.DEFAULT));
  }

  private static <C extends Context, I> HandlerDefinition<I, Void> any(
      String name, HandlerType type, Serde<I> in, ThrowingBiConsumer<C, I> body) {
    return any(
        name,
        type,
        in,
        Serde.VOID,
        (C ctx, I input) -> {
          body.accept(ctx, input);
          return null;
        });
  }
}
