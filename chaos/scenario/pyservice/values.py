"""How values are written: JSON, with None as null."""

import json
from datetime import timedelta
from typing import Any

from restate.serde import Serde


class JsonOrNull(Serde[Any]):
    """JSON for answers that may be None, which the SDK's own serde writes as no bytes."""

    def deserialize(self, buf: bytes) -> Any:
        return json.loads(buf) if buf else None

    def serialize(self, obj: Any) -> bytes:
        return json.dumps(obj).encode()


def millis(work: dict[str, Any], name: str = "millis") -> timedelta:
    """Return a duration from a field that may be missing."""
    return timedelta(milliseconds=work.get(name) or 0)
