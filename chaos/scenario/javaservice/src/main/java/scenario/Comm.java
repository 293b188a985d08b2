package scenario;

import static dev.restate.serde.Serde.RAW;
import static dev.restate.serde.Serde.VOID;
import static scenario.Handlers.service;
import static scenario.Values.COMPLETION;
import static scenario.Values.FAILURE;
import static scenario.Values.INT;
import static scenario.Values.JSON;
import static scenario.Values.STRING;
import static scenario.Values.STRINGS;
import static scenario.Values.WORK;
import static scenario.Values.jsonOrNull;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.restate.common.RequestBuilder;
import dev.restate.common.Target;
import dev.restate.sdk.CallDurableFuture;
import dev.restate.sdk.Context;
import dev.restate.sdk.DurableFuture;
import dev.restate.sdk.Select;
import dev.restate.sdk.endpoint.definition.ServiceDefinition;
import dev.restate.sdk.endpoint.definition.ServiceType;
import dev.restate.serde.Serde;
import dev.restate.serde.TypeTag;
import dev.restate.serde.jackson.JacksonSerdes;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import scenario.Values.Answer;
import scenario.Values.Completion;
import scenario.Values.Contest;
import scenario.Values.Failure;
import scenario.Values.Request;
import scenario.Values.Work;

/** Calls, sends, attaches, cancels and completes what others wait for. */
final class Comm {
  private static final ObjectMapper MAPPER = new ObjectMapper();
  private static final Serde<Request> REQUEST = JacksonSerdes.of(Request.class);
  private static final Serde<Answer> ANSWER = JacksonSerdes.of(Answer.class);
  private static final Serde<Contest> CONTEST = JacksonSerdes.of(Contest.class);

  private final String basic;

  Comm(String prefix) {
    basic = prefix + "Basic";
  }

  ServiceDefinition definition(String name) {
    return ServiceDefinition.of(
        name,
        ServiceType.SERVICE,
        List.of(
            service("call", REQUEST, JSON, Comm::call),
            service("callID", REQUEST, ANSWER, Comm::callID),
            service("send", REQUEST, ANSWER, Comm::send),
            service("fanOut", INT, INT, this::fanOut),
            service("race", CONTEST, STRING, this::race),
            service("settle", VOID, STRINGS, this::settle),
            service("attach", STRING, JSON, Comm::attach),
            service("cancel", STRING, (ctx, id) -> ctx.invocationHandle(id).cancel()),
            service("resolve", COMPLETION, Comm::resolve),
            service("reject", COMPLETION, Comm::reject)));
  }

  /** Turns the scenario's request into an untyped one, with bytes in and out. */
  private static RequestBuilder<byte[], byte[]> outgoing(Request r) throws IOException {
    Target target =
        r.key() == null || r.key().isEmpty()
            ? Target.service(r.service(), r.handler())
            : Target.virtualObject(r.service(), r.key(), r.handler());
    byte[] input = r.input() == null ? new byte[0] : MAPPER.writeValueAsBytes(r.input());
    RequestBuilder<byte[], byte[]> out = dev.restate.common.Request.of(target, input);
    if (r.headers() != null) {
      out.headers(r.headers());
    }
    if (r.idempotencyKey() != null && !r.idempotencyKey().isEmpty()) {
      out.idempotencyKey(r.idempotencyKey());
    }
    return out;
  }

  private static byte[] call(Context ctx, Request r) throws IOException {
    return jsonOrNull(ctx.call(outgoing(r)).await());
  }

  /** Returns the invocation ID of the call, learned before the call has ended, as well. */
  private static Answer callID(Context ctx, Request r) throws IOException {
    CallDurableFuture<byte[]> call = ctx.call(outgoing(r));
    String id = call.invocationId();
    return new Answer(id, MAPPER.readTree(jsonOrNull(call.await())));
  }

  private static Answer send(Context ctx, Request r) throws IOException {
    RequestBuilder<byte[], byte[]> out = outgoing(r);
    var sent =
        r.delayMillis() > 0
            ? ctx.send(out, Duration.ofMillis(r.delayMillis()))
            : ctx.send(out);
    return new Answer(sent.invocationId(), null);
  }

  private <I, O> CallDurableFuture<O> callBasic(
      Context ctx, String handler, TypeTag<I> in, TypeTag<O> out, I input) {
    Target target = Target.service(basic, handler);
    return ctx.call(dev.restate.common.Request.of(target, in, out, input));
  }

  /** Calls Basic/echo count times at once and adds up the answers. */
  private int fanOut(Context ctx, int count) {
    List<DurableFuture<Integer>> calls = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      calls.add(callBasic(ctx, "echo", INT, INT, i));
    }
    DurableFuture.all(List.copyOf(calls)).await();
    return calls.stream().mapToInt(DurableFuture::await).sum();
  }

  /** Tells whether a call of Basic/sleep or a timer ended first. */
  private String race(Context ctx, Contest in) {
    var call = callBasic(ctx, "sleep", WORK, INT, Work.lasting(in.callMillis()));
    var timer = ctx.timer(Duration.ofMillis(in.timerMillis()));
    return Select.<String>select()
        .when(call, slept -> "call")
        .when(timer, rung -> "timer")
        .await();
  }

  /** Waits for a call that fails and one that does not. */
  private List<String> settle(Context ctx, Void none) {
    var failing = callBasic(ctx, "fail", FAILURE, VOID, new Failure(418, "settled"));
    var fine = callBasic(ctx, "echo", INT, INT, 1);
    DurableFuture<String> one = failing.map(v -> "fulfilled", e -> "rejected");
    DurableFuture<String> two = fine.map(v -> "fulfilled", e -> "rejected");
    DurableFuture.all(one, two).await();
    return List.of(one.await(), two.await());
  }

  private static byte[] attach(Context ctx, String id) {
    return jsonOrNull(ctx.invocationHandle(id, RAW).attach().await());
  }

  private static void resolve(Context ctx, Completion in) {
    ctx.awakeableHandle(in.id()).resolve(STRING, in.value());
  }

  private static void reject(Context ctx, Completion in) {
    ctx.awakeableHandle(in.id()).reject(in.message());
  }
}
