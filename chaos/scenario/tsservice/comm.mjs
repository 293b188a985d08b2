import * as restate from "@restatedev/restate-sdk";

const bytesOf = (input) =>
  input === undefined ? new Uint8Array() : new TextEncoder().encode(JSON.stringify(input));

const valueOf = (bytes) =>
  bytes.length === 0 ? null : JSON.parse(new TextDecoder().decode(bytes));

// outgoing turns the scenario's request into what the SDK's untyped calls take.
const outgoing = (r) => ({
  service: r.service,
  key: r.key || undefined,
  method: r.handler,
  parameter: bytesOf(r.input),
  headers: r.headers,
  idempotencyKey: r.idempotencyKey || undefined,
});

// comm calls, sends, attaches, cancels and completes what others wait for.
export const comm = (name, prefix) => {
  const basic = { name: `${prefix}Basic` };
  return restate.service({
    name,
    handlers: {
      call: async (ctx, r) => valueOf(await ctx.genericCall(outgoing(r))),

      // callID returns the invocation ID of the call, learned before it has ended, as well.
      callID: async (ctx, r) => {
        const call = ctx.genericCall(outgoing(r));
        const id = await call.invocationId;
        return { id, output: valueOf(await call) };
      },

      send: async (ctx, r) => {
        const sent = ctx.genericSend({ ...outgoing(r), delay: r.delayMillis || undefined });
        return { id: await sent.invocationId };
      },

      // fanOut calls Basic/echo count times at once and adds up the answers.
      fanOut: async (ctx, count) => {
        const calls = Array.from({ length: count }, (_, i) => ctx.serviceClient(basic).echo(i));
        const answers = await restate.RestatePromise.all(calls);
        return answers.reduce((sum, n) => sum + n, 0);
      },

      // race tells whether a call of Basic/sleep or a timer ended first.
      race: async (ctx, { callMillis, timerMillis }) => {
        const call = ctx.serviceClient(basic).sleep({ millis: callMillis });
        const timer = ctx.sleep(timerMillis);
        return restate.RestatePromise.race([
          call.map(() => "call"),
          timer.map(() => "timer"),
        ]);
      },

      // settle waits for a call that fails and one that does not.
      settle: restate.handlers.handler({ input: restate.serde.empty }, async (ctx) => {
        const outcomes = await restate.RestatePromise.allSettled([
          ctx.serviceClient(basic).fail({ code: 418, message: "settled" }),
          ctx.serviceClient(basic).echo(1),
        ]);
        return outcomes.map((o) => o.status);
      }),

      attach: async (ctx, id) => valueOf(await ctx.attach(id, restate.serde.binary)),

      cancel: async (ctx, id) => {
        ctx.cancel(id);
      },

      resolve: async (ctx, { id, value }) => {
        ctx.resolveAwakeable(id, value);
      },

      reject: async (ctx, { id, message }) => {
        ctx.rejectAwakeable(id, message);
      },

      signal: async (ctx, { id, name, value }) => {
        ctx.invocation(id).signal(name).resolve(value);
      },
    },
  });
};
