"""Comm: calls, sends, attach, cancel, combinators, awakeables and signals."""

import json
from datetime import timedelta
from typing import Any

import restate
from restate import Context, RestateDurableCallFuture, Service, TerminalError

from values import JsonOrNull, millis


def outgoing(request: dict[str, Any]) -> dict[str, Any]:
    """Turn the scenario's request into what the SDK's untyped calls take."""
    value = request.get("input")
    return {
        "service": request["service"],
        "handler": request["handler"],
        "arg": b"" if "input" not in request else json.dumps(value).encode(),
        "key": request.get("key") or None,
        "idempotency_key": request.get("idempotencyKey") or None,
        "headers": request.get("headers"),
    }


def value_of(raw: bytes | None) -> Any:
    return json.loads(raw) if raw else None


def comm(name: str, prefix: str) -> Service:
    service = Service(name)
    bind_calls(service)
    bind_combinators(service, f"{prefix}Basic")
    bind_others(service)
    return service


def bind_calls(service: Service) -> None:
    """Add what calls and sends."""

    @service.handler(output_serde=JsonOrNull())
    async def call(ctx: Context, request: dict[str, Any]) -> Any:
        return value_of(await ctx.generic_call(**outgoing(request)))

    @service.handler()
    async def callID(ctx: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Return the invocation ID of the call, learned before it has ended, as well."""
        future = ctx.generic_call(**outgoing(request))
        id = await future.invocation_id()
        return {"id": id, "output": value_of(await future)}

    @service.handler()
    async def send(ctx: Context, request: dict[str, Any]) -> dict[str, str]:
        delay = millis(request, "delayMillis")
        sent = ctx.generic_send(**outgoing(request), send_delay=delay or None)
        return {"id": await sent.invocation_id()}


def bind_combinators(service: Service, basic: str) -> None:
    """Add what waits for more than one thing; basic is the service that is called."""

    def start(ctx: Context, handler: str, value: Any) -> RestateDurableCallFuture[bytes]:
        return ctx.generic_call(basic, handler, json.dumps(value).encode())

    @service.handler()
    async def fanOut(ctx: Context, count: int) -> int:
        """Call Basic/echo count times at once and add up the answers."""
        calls = [start(ctx, "echo", i) for i in range(count)]
        await restate.gather(*calls)
        return sum([value_of(await call) for call in calls])

    @service.handler()
    async def race(ctx: Context, contest: dict[str, int]) -> str:
        """Tell whether a call of Basic/sleep or a timer ended first."""
        call = start(ctx, "sleep", {"millis": contest["callMillis"]})
        timer = ctx.sleep(timedelta(milliseconds=contest["timerMillis"]))
        winner, _ = await restate.select(call=call, timer=timer)
        return winner

    @service.handler()
    async def settle(ctx: Context) -> list[str]:
        """Wait for a call that fails and one that does not."""
        failing = start(ctx, "fail", {"code": 418, "message": "settled"})
        fine = start(ctx, "echo", 1)
        await restate.gather(failing, fine)
        return [await outcome(failing), await outcome(fine)]


async def outcome(call: RestateDurableCallFuture[bytes]) -> str:
    try:
        await call
    except TerminalError:
        return "rejected"
    return "fulfilled"


def bind_others(service: Service) -> None:
    """Add what acts on other invocations and completes what they wait for."""

    @service.handler(output_serde=JsonOrNull())
    async def attach(ctx: Context, id: str) -> Any:
        return await ctx.attach_invocation(id, serde=JsonOrNull())

    @service.handler()
    async def cancel(ctx: Context, id: str) -> None:
        ctx.cancel_invocation(id)

    @service.handler()
    async def resolve(ctx: Context, completion: dict[str, str]) -> None:
        ctx.resolve_awakeable(completion["id"], completion["value"])

    @service.handler()
    async def reject(ctx: Context, completion: dict[str, str]) -> None:
        ctx.reject_awakeable(completion["id"], completion["message"])

    @service.handler()
    async def signal(ctx: Context, completion: dict[str, str]) -> None:
        ctx.resolve_signal(completion["id"], completion["name"], completion["value"])
