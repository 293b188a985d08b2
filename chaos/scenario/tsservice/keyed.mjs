import * as restate from "@restatedev/restate-sdk";

import { step } from "./effects.mjs";

const { shared } = restate.handlers.object;
const noInput = { input: restate.serde.empty };
const hourMillis = 3_600_000;

// store is the object with state; its lazy twin asks the server for each value.
export const store = (name, lazy) =>
  restate.object({
    name,
    options: { enableLazyState: lazy },
    handlers: {
      add: async (ctx, n) => {
        const total = ((await ctx.get("total")) ?? 0) + n;
        ctx.set("total", total);
        return total;
      },

      get: shared(noInput, async (ctx) => (await ctx.get("total")) ?? 0),

      append: async (ctx, item) => {
        const list = [...((await ctx.get("list")) ?? []), item];
        ctx.set("list", list);
        return list;
      },

      set: async (ctx, { key, value }) => {
        ctx.set(key, value);
      },

      read: shared(async (ctx, key) => ctx.get(key)),

      keys: shared(noInput, async (ctx) => (await ctx.stateKeys()).sort()),

      clear: async (ctx, key) => {
        ctx.clear(key);
      },

      clearAll: restate.handlers.object.exclusive(noInput, async (ctx) => {
        ctx.clearAll();
      }),

      hold: async (ctx, { millis }) => {
        await ctx.sleep(millis);
        return millis;
      },

      selfCall: restate.handlers.object.exclusive(noInput, async (ctx) =>
        ctx.objectClient({ name }, ctx.key).add(1),
      ),
    },
  });

// waiter publishes what it waits for as state, so that a shared handler can tell.
export const waiter = (name, prefix) =>
  restate.object({
    name,
    handlers: {
      // await publishes an awakeable, sleeps, and only then waits for it.
      await: async (ctx, { millis }) => {
        const awakeable = ctx.awakeable();
        ctx.set("pending", awakeable.id);
        if (millis) await ctx.sleep(millis);
        return awakeable.promise;
      },

      // awaitSignal sleeps, then waits for the signals "one" and "two" and joins their values.
      awaitSignal: async (ctx, { millis }) => {
        if (millis) await ctx.sleep(millis);
        const one = await ctx.signal("one");
        const two = await ctx.signal("two");
        return `${one},${two}`;
      },

      // handOver gives an awakeable to another service, which resolves it.
      handOver: async (ctx, value) => {
        const awakeable = ctx.awakeable();
        ctx.serviceSendClient({ name: `${prefix}Comm` }).resolve({ id: awakeable.id, value });
        return awakeable.promise;
      },

      pending: shared(noInput, async (ctx) => (await ctx.get("pending")) ?? ""),
    },
  });

// order is the workflow: step, sleep, step, maybe a promise, step.
export const order = (name, fx) =>
  restate.workflow({
    name,
    options: { workflowRetention: hourMillis },
    handlers: {
      run: async (ctx, { id, millis, wait }) => {
        await step(ctx, fx, `${id}-1`);
        ctx.set("status", "started"); // visible: the first step is durable
        if (millis) await ctx.sleep(millis);
        await step(ctx, fx, `${id}-2`);
        let go = "";
        if (wait) {
          ctx.set("status", "waiting");
          go = await ctx.promise("go");
        }
        await step(ctx, fx, `${id}-3`);
        ctx.set("status", "done");
        return { id, go };
      },

      status: restate.handlers.workflow.shared(
        noInput,
        async (ctx) => (await ctx.get("status")) ?? "",
      ),

      go: async (ctx, value) => {
        await ctx.promise("go").resolve(value);
      },

      refuse: async (ctx, message) => {
        await ctx.promise("go").reject(message);
      },

      peek: restate.handlers.workflow.shared(
        noInput,
        async (ctx) => (await ctx.promise("go").peek()) ?? null,
      ),
    },
  });
