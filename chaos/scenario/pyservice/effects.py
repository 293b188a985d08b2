"""Side effects, counted by name."""

import os

from restate import Context


class Effects:
    """Counts side effects in memory and as lines of a file. All handlers share one thread."""

    def __init__(self, path: str) -> None:
        """Open the file for appending; an empty path keeps counts in memory only."""
        flags = os.O_APPEND | os.O_CREAT | os.O_WRONLY
        self._file = os.open(path, flags, 0o644) if path else None
        self._count: dict[str, int] = {}
        self._note: dict[str, str] = {}

    def add(self, name: str) -> int:
        """Perform the side effect once more; return how often this process has done it."""
        n = self.bump(name)
        if self._file is not None:
            os.write(self._file, f"{name}\n".encode())
        return n

    def bump(self, name: str) -> int:
        """Count in memory alone: for attempts, which are allowed to repeat."""
        self._count[name] = self.get(name) + 1
        return self._count[name]

    def get(self, name: str) -> int:
        return self._count.get(name, 0)

    def first(self, name: str, value: str) -> str:
        """Remember value under name unless something is there; return what is."""
        return self._note.setdefault(name, value)


async def step(ctx: Context, fx: Effects, name: str) -> None:
    """Perform one durable, counted side effect."""

    def add() -> int:
        return fx.add(name)

    await ctx.run_typed(name, add)
