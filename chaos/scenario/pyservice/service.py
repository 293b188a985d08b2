"""Serve the scenario handlers with the official Python SDK.

    python service.py --listen 127.0.0.1:9080 --prefix Py --effects FILE

Listens for cleartext HTTP/2, prefixes its service names and appends one line per side
effect to the file.
"""

import argparse
import asyncio
import logging
import sys

import restate
from hypercorn.asyncio import serve
from hypercorn.config import Config

from basic import basic
from comm import comm
from effects import Effects
from keyed import order, store, waiter

UNLIMITED = 2**31 - 1  # a stream is open for as long as its invocation runs


def configuration(listen: str) -> Config:
    config = Config()
    config.bind = [listen]
    config.errorlog = None
    config.h2_max_concurrent_streams = UNLIMITED
    config.keep_alive_max_requests = UNLIMITED
    config.keep_alive_timeout = UNLIMITED
    return config


def main() -> int:
    flags = argparse.ArgumentParser()
    flags.add_argument("--listen", default="127.0.0.1:9080")
    flags.add_argument("--prefix", default="Py")
    flags.add_argument("--effects", default="")
    args = flags.parse_args()
    prefix = args.prefix

    logging.disable()  # failures are what checks ask for
    try:
        fx = Effects(args.effects)
        app = restate.app(
            [
                basic(f"{prefix}Basic", fx),
                comm(f"{prefix}Comm", prefix),
                store(f"{prefix}Store", lazy=False),
                store(f"{prefix}LazyStore", lazy=True),
                waiter(f"{prefix}Waiter", prefix),
                order(f"{prefix}Order", fx),
            ]
        )
        asyncio.run(serve(app, configuration(args.listen), mode="asgi"))
    except OSError as err:
        print(f"pyservice: serve on {args.listen}: {err}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
