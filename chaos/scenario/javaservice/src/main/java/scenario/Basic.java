package scenario;

import static dev.restate.serde.Serde.RAW;
import static dev.restate.serde.Serde.VOID;
import static scenario.Handlers.service;
import static scenario.Values.FAILURE;
import static scenario.Values.INT;
import static scenario.Values.JSON;
import static scenario.Values.STRING;
import static scenario.Values.STRINGS;
import static scenario.Values.STRING_MAP;
import static scenario.Values.WORK;

import dev.restate.sdk.Context;
import dev.restate.sdk.common.RetryPolicy;
import dev.restate.sdk.common.TerminalException;
import dev.restate.sdk.endpoint.definition.InvocationRetryPolicy;
import dev.restate.sdk.endpoint.definition.ServiceDefinition;
import dev.restate.sdk.endpoint.definition.ServiceType;
import dev.restate.serde.Serde;
import dev.restate.serde.jackson.JacksonSerdes;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import scenario.Values.Failure;
import scenario.Values.Report;
import scenario.Values.Work;

/** Answers, fails, sleeps and does durable steps. */
final class Basic {
  /** Short, so that suspending is suspended within one check. */
  private static final Duration SUSPEND_AFTER = Duration.ofMillis(100);

  private static final Serde<Report> REPORT = JacksonSerdes.of(Report.class);

  private final Effects fx;

  Basic(Effects fx) {
    this.fx = fx;
  }

  ServiceDefinition definition(String name) {
    return ServiceDefinition.of(
            name,
            ServiceType.SERVICE,
            List.of(
                service("echo", JSON, JSON, (ctx, in) -> in),
                service("echoBytes", RAW, RAW, (ctx, in) -> in),
                service("ping", VOID, (ctx, none) -> {}),
                service("headers", VOID, STRING_MAP, (ctx, none) -> ctx.request().headers()),
                service("fail", FAILURE, Basic::fail),
                service("failTimes", WORK, REPORT, this::failTimes),
                service("runThenFail", WORK, REPORT, this::runThenFail),
                service("runRetry", WORK, INT, this::runRetry),
                service("runFail", FAILURE, FAILURE, Basic::runFail),
                service("sleep", WORK, INT, Basic::sleep),
                service("suspending", WORK, INT, this::suspending)
                    .configure(handler -> handler.inactivityTimeout(SUSPEND_AFTER)),
                service("random", WORK, STRINGS, this::random),
                service("steps", WORK, STRING, this::steps),
                service("compensate", WORK, STRING, this::compensate),
                service("effects", STRING, INT, (ctx, id) -> fx.get(id)),
                service("hidden", JSON, JSON, (ctx, in) -> in)
                    .configure(handler -> handler.ingressPrivate(true))))
        .withDocumentation("Answers, failures and durable steps.")
        .withMetadata(Map.of("area", "conformance"))
        .configure(
            service ->
                service.invocationRetryPolicy(
                    InvocationRetryPolicy.builder()
                        .initialInterval(Duration.ofMillis(50))
                        .maxInterval(Duration.ofMillis(500))));
  }

  private static void fail(Context ctx, Failure in) {
    throw in.terminal();
  }

  /** Fails the first {@code times} attempts in a way that is retried. */
  private Report failTimes(Context ctx, Work w) {
    int n = fx.bump(w.id());
    failUntil(w, n);
    return new Report(0, n);
  }

  /** Does one durable step and fails after it {@code times} times. */
  private Report runThenFail(Context ctx, Work w) {
    int value = ctx.run("step", Integer.class, () -> fx.add(w.id()));
    int n = fx.bump(w.id() + "-attempts");
    failUntil(w, n);
    return new Report(value, n);
  }

  private static void failUntil(Work w, int attempt) {
    if (attempt <= w.times()) {
      throw new IllegalStateException(
          "attempt " + attempt + " of " + w.id() + " fails on purpose");
    }
  }

  /** Has a durable step that fails {@code times} times under a retry policy of its own. */
  private int runRetry(Context ctx, Work w) {
    RetryPolicy policy = RetryPolicy.exponential(Duration.ofMillis(10), 2);
    if (w.maxAttempts() > 0) {
      policy.setMaxAttempts(w.maxAttempts());
    }
    return ctx.run(
        "retried",
        Integer.class,
        policy,
        () -> {
          int n = fx.bump(w.id());
          if (n <= w.times()) {
            throw new IllegalStateException("step " + w.id() + " fails on purpose");
          }
          return n;
        });
  }

  /** Has a durable step that ends with a terminal failure, and returns that failure. */
  private static Failure runFail(Context ctx, Failure in) {
    try {
      ctx.run(
          "failing",
          () -> {
            throw in.terminal();
          });
    } catch (TerminalException e) {
      return new Failure(e.getCode(), e.getMessage());
    }
    throw new TerminalException("the step succeeded");
  }

  private static int sleep(Context ctx, Work w) {
    ctx.sleep(w.pause());
    return w.millis();
  }

  /** Returns how often it was entered: twice or more when the sleep suspended it. */
  private int suspending(Context ctx, Work w) {
    int entered = fx.bump(w.id());
    ctx.sleep(w.pause());
    return entered;
  }

  /** Fails once and returns the UUID drawn by the first and by the last attempt. */
  private List<String> random(Context ctx, Work w) {
    String drawn = ctx.random().nextUUID().toString();
    String first = fx.first(w.id(), drawn);
    if (fx.bump(w.id()) == 1) {
      throw new IllegalStateException("first attempt of " + w.id() + " fails on purpose");
    }
    return List.of(first, drawn);
  }

  private String steps(Context ctx, Work w) {
    fx.step(ctx, w.id() + "-1");
    fx.step(ctx, w.id() + "-2");
    ctx.sleep(w.pause());
    fx.step(ctx, w.id() + "-3");
    return w.id();
  }

  /**
   * Does a step, waits for an hour, and undoes the step when it is cancelled, whether the
   * cancellation shows in the step or in the wait.
   */
  private String compensate(Context ctx, Work w) {
    try {
      fx.step(ctx, w.id() + "-do");
      ctx.sleep(Duration.ofHours(1));
    } catch (TerminalException e) {
      fx.step(ctx, w.id() + "-undo");
      throw e;
    }
    return w.id();
  }
}
