"""Store, Waiter and Order: what has a key."""

import json
from datetime import timedelta
from typing import Any

from restate import (
    ObjectContext,
    ObjectSharedContext,
    VirtualObject,
    Workflow,
    WorkflowContext,
    WorkflowSharedContext,
)

from effects import Effects, step
from values import JsonOrNull, millis


def store(name: str, lazy: bool) -> VirtualObject:
    """Return the object with state; its lazy twin asks the server for each value."""
    service = VirtualObject(name, enable_lazy_state=lazy)
    bind_totals(service, name)
    bind_entries(service)
    return service


def bind_totals(service: VirtualObject, name: str) -> None:
    """Add the handlers that work on the state keys "total" and "list"."""

    @service.handler()
    async def add(ctx: ObjectContext, n: int) -> int:
        total = (await ctx.get("total", type_hint=int) or 0) + n
        ctx.set("total", total)
        return total

    @service.handler(kind="shared")
    async def get(ctx: ObjectSharedContext) -> int:
        return await ctx.get("total", type_hint=int) or 0

    @service.handler()
    async def append(ctx: ObjectContext, item: str) -> list[str]:
        items = (await ctx.get("list", type_hint=list[str]) or []) + [item]
        ctx.set("list", items)
        return items

    @service.handler()
    async def hold(ctx: ObjectContext, work: dict[str, Any]) -> int:
        await ctx.sleep(millis(work))
        return work["millis"]

    @service.handler()
    async def selfCall(ctx: ObjectContext) -> int:
        return json.loads(await ctx.generic_call(name, "add", b"1", key=ctx.key()))


def bind_entries(service: VirtualObject) -> None:
    """Add the handlers that work on any state key."""

    @service.handler()
    async def set(ctx: ObjectContext, entry: dict[str, Any]) -> None:
        ctx.set(entry["key"], entry.get("value"), serde=JsonOrNull())

    @service.handler(kind="shared", output_serde=JsonOrNull())
    async def read(ctx: ObjectSharedContext, key: str) -> Any:
        return await ctx.get(key, serde=JsonOrNull())

    @service.handler(kind="shared")
    async def keys(ctx: ObjectSharedContext) -> list[str]:
        return sorted(await ctx.state_keys())

    @service.handler()
    async def clear(ctx: ObjectContext, key: str) -> None:
        ctx.clear(key)

    @service.handler()
    async def clearAll(ctx: ObjectContext) -> None:
        ctx.clear_all()


def waiter(name: str, prefix: str) -> VirtualObject:
    """Return the object that publishes what it waits for, so that a shared handler can tell."""
    service = VirtualObject(name)

    @service.handler("await")
    async def await_awakeable(ctx: ObjectContext, work: dict[str, Any]) -> str:
        """Publish an awakeable, sleep, and only then wait for it."""
        id, awakeable = ctx.awakeable(type_hint=str)
        ctx.set("pending", id)
        if work.get("millis"):
            await ctx.sleep(millis(work))
        return await awakeable

    @service.handler()
    async def awaitSignal(ctx: ObjectContext, work: dict[str, Any]) -> str:
        """Sleep, then wait for the signals "one" and "two" and join their values."""
        if work.get("millis"):
            await ctx.sleep(millis(work))
        one = await ctx.signal("one", type_hint=str)
        two = await ctx.signal("two", type_hint=str)
        return f"{one},{two}"

    @service.handler()
    async def handOver(ctx: ObjectContext, value: str) -> str:
        """Give an awakeable to another service, which resolves it."""
        id, awakeable = ctx.awakeable(type_hint=str)
        completion = json.dumps({"id": id, "value": value}).encode()
        ctx.generic_send(f"{prefix}Comm", "resolve", completion)
        return await awakeable

    @service.handler(kind="shared")
    async def pending(ctx: ObjectSharedContext) -> str:
        return await ctx.get("pending", type_hint=str) or ""

    return service


def order(name: str, fx: Effects) -> Workflow:
    """Return the workflow: step, sleep, step, maybe a promise, step."""
    service = Workflow(name)

    @service.main(workflow_retention=timedelta(hours=1))
    async def run(ctx: WorkflowContext, purchase: dict[str, Any]) -> dict[str, str]:
        id = purchase["id"]
        await step(ctx, fx, f"{id}-1")
        ctx.set("status", "started")  # visible: the first step is durable
        if purchase.get("millis"):
            await ctx.sleep(millis(purchase))
        await step(ctx, fx, f"{id}-2")
        value = ""
        if purchase.get("wait"):
            ctx.set("status", "waiting")
            value = await ctx.promise("go", type_hint=str)
        await step(ctx, fx, f"{id}-3")
        ctx.set("status", "done")
        return {"id": id, "go": value}

    @service.handler()
    async def status(ctx: WorkflowSharedContext) -> str:
        return await ctx.get("status", type_hint=str) or ""

    @service.handler()
    async def go(ctx: WorkflowSharedContext, value: str) -> None:
        await ctx.promise("go", type_hint=str).resolve(value)

    @service.handler()
    async def refuse(ctx: WorkflowSharedContext, message: str) -> None:
        await ctx.promise("go", type_hint=str).reject(message)

    @service.handler(output_serde=JsonOrNull())
    async def peek(ctx: WorkflowSharedContext) -> str | None:
        return await ctx.promise("go", type_hint=str).peek()

    return service
