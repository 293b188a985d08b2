import * as restate from "@restatedev/restate-sdk";

import { step } from "./effects.mjs";

const suspendAfterMillis = 100; // short, so that suspending is suspended within one check
const hourMillis = 3_600_000;

const terminal = ({ code, message, metadata }) =>
  new restate.TerminalError(message, { errorCode: code, metadata });

// basic answers, fails, sleeps and does durable steps.
export const basic = (name, fx) =>
  restate.service({
    name,
    description: "Answers, failures and durable steps.",
    metadata: { area: "conformance" },
    options: { retryPolicy: { initialInterval: 50, maxInterval: 500 } },
    handlers: {
      echo: async (_ctx, input) => input,

      echoBytes: restate.handlers.handler(
        { input: restate.serde.binary, output: restate.serde.binary },
        async (_ctx, bytes) => bytes,
      ),

      ping: restate.handlers.handler(
        { input: restate.serde.empty, output: restate.serde.empty },
        async () => undefined,
      ),

      headers: restate.handlers.handler({ input: restate.serde.empty }, async (ctx) =>
        Object.fromEntries(ctx.request().headers),
      ),

      fail: async (_ctx, failure) => {
        throw terminal(failure);
      },

      // failTimes fails the first `times` attempts in a way that is retried.
      failTimes: async (_ctx, { id, times }) => {
        const n = fx.bump(id);
        if (n <= times) throw new Error(`attempt ${n} of ${id} fails on purpose`);
        return { value: 0, attempts: n };
      },

      // runThenFail does one durable step and fails after it `times` times.
      runThenFail: async (ctx, { id, times }) => {
        const value = await ctx.run("step", () => fx.add(id));
        const n = fx.bump(`${id}-attempts`);
        if (n <= times) throw new Error(`attempt ${n} of ${id} fails on purpose`);
        return { value, attempts: n };
      },

      // runRetry has a durable step that fails `times` times under a policy of its own.
      runRetry: async (ctx, { id, times, maxAttempts }) =>
        ctx.run(
          "retried",
          () => {
            const n = fx.bump(id);
            if (n <= times) throw new Error(`step ${id} fails on purpose`);
            return n;
          },
          { initialRetryInterval: 10, maxRetryAttempts: maxAttempts || undefined },
        ),

      // runFail has a durable step that ends with a terminal failure, and returns it.
      runFail: async (ctx, failure) => {
        try {
          await ctx.run("failing", () => {
            throw terminal(failure);
          });
        } catch (err) {
          if (!(err instanceof restate.TerminalError)) throw err;
          return { code: err.code, message: err.message };
        }
        throw new restate.TerminalError("the step succeeded");
      },

      sleep: async (ctx, { millis }) => {
        await ctx.sleep(millis);
        return millis;
      },

      // suspending returns how often it was entered: twice or more when it was suspended.
      suspending: restate.handlers.handler(
        { inactivityTimeout: suspendAfterMillis },
        async (ctx, { id, millis }) => {
          const entered = fx.bump(id);
          await ctx.sleep(millis);
          return entered;
        },
      ),

      // random fails once and returns the UUID drawn by the first and by the last attempt.
      random: async (ctx, { id }) => {
        const drawn = ctx.rand.uuidv4();
        const first = fx.first(id, drawn);
        if (fx.bump(id) === 1) throw new Error(`first attempt of ${id} fails on purpose`);
        return [first, drawn];
      },

      steps: async (ctx, { id, millis }) => {
        await step(ctx, fx, `${id}-1`);
        await step(ctx, fx, `${id}-2`);
        await ctx.sleep(millis ?? 0);
        await step(ctx, fx, `${id}-3`);
        return id;
      },

      // compensate does a step, waits for an hour, and undoes the step when it is cancelled,
      // whether the cancellation shows in the step or in the wait.
      compensate: async (ctx, { id }) => {
        try {
          await step(ctx, fx, `${id}-do`);
          await ctx.sleep(hourMillis);
        } catch (err) {
          if (err instanceof restate.TerminalError) await step(ctx, fx, `${id}-undo`);
          throw err;
        }
        return id;
      },

      effects: async (_ctx, id) => fx.get(id),

      hidden: restate.handlers.handler({ ingressPrivate: true }, async (_ctx, input) => input),
    },
  });
