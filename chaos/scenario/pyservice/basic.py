"""Basic: answers, failures, durable steps, sleeps and compensation."""

from datetime import timedelta
from typing import Any

from restate import Context, InvocationRetryPolicy, RunOptions, Service, TerminalError
from restate.serde import BytesSerde

from effects import Effects, step
from values import JsonOrNull, millis

SUSPEND_AFTER = timedelta(milliseconds=100)  # so that suspending is suspended in one check
BINARY = "application/octet-stream"


def terminal(failure: dict[str, Any]) -> TerminalError:
    return TerminalError(failure["message"], failure["code"], failure.get("metadata"))


def basic(name: str, fx: Effects) -> Service:
    service = Service(
        name,
        description="Answers, failures and durable steps.",
        metadata={"area": "conformance"},
        invocation_retry_policy=InvocationRetryPolicy(
            initial_interval=timedelta(milliseconds=50),
            max_interval=timedelta(milliseconds=500),
        ),
    )
    bind_answers(service, fx)
    bind_retries(service, fx)
    bind_steps(service, fx)
    return service


def bind_answers(service: Service, fx: Effects) -> None:
    """Add what answers or fails at once."""

    @service.handler(output_serde=JsonOrNull())
    async def echo(_ctx: Context, value: Any) -> Any:
        return value

    @service.handler(output_serde=JsonOrNull(), ingress_private=True)
    async def hidden(_ctx: Context, value: Any) -> Any:
        return value

    @service.handler(
        accept=BINARY, content_type=BINARY, input_serde=BytesSerde(), output_serde=BytesSerde()
    )
    async def echoBytes(_ctx: Context, value: bytes) -> bytes:
        return value

    @service.handler()
    async def ping(_ctx: Context) -> None:
        return None

    @service.handler()
    async def headers(ctx: Context) -> dict[str, str]:
        return ctx.request().headers

    @service.handler()
    async def fail(_ctx: Context, failure: dict[str, Any]) -> None:
        raise terminal(failure)

    @service.handler()
    async def effects(_ctx: Context, id: str) -> int:
        return fx.get(id)


def bind_retries(service: Service, fx: Effects) -> None:
    """Add what fails on purpose and is tried again."""

    @service.handler()
    async def failTimes(_ctx: Context, work: dict[str, Any]) -> dict[str, int]:
        """Fail the first `times` attempts in a way that is retried."""
        n = fx.bump(work["id"])
        if n <= work.get("times", 0):
            raise RuntimeError(f"attempt {n} of {work['id']} fails on purpose")
        return {"value": 0, "attempts": n}

    @service.handler()
    async def runThenFail(ctx: Context, work: dict[str, Any]) -> dict[str, int]:
        """Do one durable step and fail after it `times` times."""
        id = work["id"]

        def add() -> int:
            return fx.add(id)

        value = await ctx.run_typed("step", add)
        n = fx.bump(f"{id}-attempts")
        if n <= work.get("times", 0):
            raise RuntimeError(f"attempt {n} of {id} fails on purpose")
        return {"value": value, "attempts": n}

    @service.handler()
    async def runRetry(ctx: Context, work: dict[str, Any]) -> int:
        """Do a durable step that fails `times` times under a retry policy of its own."""
        id = work["id"]

        def attempt() -> int:
            n = fx.bump(id)
            if n <= work.get("times", 0):
                raise RuntimeError(f"step {id} fails on purpose")
            return n

        policy: RunOptions[int] = RunOptions(
            initial_retry_interval=timedelta(milliseconds=10),
            max_attempts=work.get("maxAttempts") or None,
        )
        return await ctx.run_typed("retried", attempt, policy)

    @service.handler()
    async def runFail(ctx: Context, failure: dict[str, Any]) -> dict[str, Any]:
        """Do a durable step that ends with a terminal failure, and return that failure."""

        def attempt() -> int:
            raise terminal(failure)

        try:
            await ctx.run_typed("failing", attempt)
        except TerminalError as failed:
            return {"code": failed.status_code, "message": failed.message}
        raise TerminalError("the step succeeded")

    @service.handler()
    async def random(ctx: Context, work: dict[str, Any]) -> list[str]:
        """Fail once; return the UUID drawn by the first and by the last attempt."""
        id = work["id"]
        drawn = str(ctx.uuid())
        first = fx.first(id, drawn)
        if fx.bump(id) == 1:
            raise RuntimeError(f"first attempt of {id} fails on purpose")
        return [first, drawn]


def bind_steps(service: Service, fx: Effects) -> None:
    """Add what sleeps and does durable steps."""

    @service.handler()
    async def sleep(ctx: Context, work: dict[str, Any]) -> int:
        await ctx.sleep(millis(work))
        return work["millis"]

    @service.handler(inactivity_timeout=SUSPEND_AFTER)
    async def suspending(ctx: Context, work: dict[str, Any]) -> int:
        """Return how often this was entered: twice or more when the sleep suspended it."""
        entered = fx.bump(work["id"])
        await ctx.sleep(millis(work))
        return entered

    @service.handler()
    async def steps(ctx: Context, work: dict[str, Any]) -> str:
        id = work["id"]
        await step(ctx, fx, f"{id}-1")
        await step(ctx, fx, f"{id}-2")
        await ctx.sleep(millis(work))
        await step(ctx, fx, f"{id}-3")
        return id

    @service.handler()
    async def compensate(ctx: Context, work: dict[str, Any]) -> str:
        """Do a step, wait for an hour, and undo the step when cancelled in either."""
        id = work["id"]
        try:
            await step(ctx, fx, f"{id}-do")
            await ctx.sleep(timedelta(hours=1))
        except TerminalError:
            await step(ctx, fx, f"{id}-undo")
            raise
        return id
