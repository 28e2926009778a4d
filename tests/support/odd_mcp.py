"""An MCP server that is not well made: between its answers it prints what its argument, a seed, says.

As a program: `odd_mcp.py MODE [SEED]`. It needs nothing but the standard library, so that it starts quickly.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
from typing import Any

TOOLS = [
    {
        "name": "home.light/set",
        "description": "Set a \x1b[31mlight\u202e.\0",
        "inputSchema": {"type": "object"},
    },
    {"name": "large", "description": "Much.", "inputSchema": {"type": "object"}},
]


def put(data: bytes) -> None:
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def say(**fields: Any) -> None:
    put(json.dumps({"jsonrpc": "2.0", **fields}).encode() + b"\n")


def odd_lines(dice: random.Random) -> bytes:
    """Some lines that are no messages, or none that anybody waits for."""
    method = dice.choice(["x", "notifications/tools/list_changed"])
    number = dice.choice([0, -1, 10**20, 1.5, "x" * 3000, None, True])
    return dice.choice(
        [
            b"\xff\xfe\x00\n", b"\n", b"Listening on port 80\n",
            b"\x1b]0;mine\x07\x1b[2J\n", b"[" * 20_000 + b"\n",
            b'{"jsonrpc":"2.0","id":' + b"9" * 5000 + b',"result":{}}\n',
            b"NaN\n", b"{}\n", b'"\\ud800"\n',
            json.dumps({"jsonrpc": "2.0", "id": number, "result": {"x": [number]}}).encode() + b"\n",
            json.dumps({"jsonrpc": "2.0", "method": method}).encode() + b"\n",
            json.dumps({"jsonrpc": "2.0", "id": number, "method": "sampling/createMessage"}).encode() + b"\n",
            bytes(dice.randrange(256) for _ in range(dice.randrange(300))).replace(b"\n", b"") + b"\n",
        ]
    )  # fmt: skip


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """A result, or an error, for one request."""
    match request:
        case {"method": "initialize", "params": {"protocolVersion": version}}:
            about = {"name": "odd", "version": "1"}
            return {
                "result": {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": about}
            }
        case {"method": "tools/list"}:
            return {"result": {"tools": TOOLS}}
        case {"method": "tools/call", "params": {"name": "large"}}:
            return {"result": {"content": [{"type": "text", "text": "x" * 6_000_000}]}}
        case {"method": "tools/call", "params": {"name": name}}:
            return {"result": {"content": [{"type": "text", "text": f"{name}: on\x1b[2J\u202e"}]}}
    return {"error": {"code": -32601, "message": "no such method"}}


def main(mode: str, seed: str = "0") -> None:
    dice = random.Random(seed)
    if mode == "flood":
        while True:
            put(b"I am a program that prints.\x1b[2J\n" * 50)
    if mode == "endless":
        while True:
            put(b"x" * 65_536)
    if mode == "dies":
        sys.exit("\x1b[31mthe library libodd is missing")
    if mode == "deaf":
        time.sleep(60)
    for line in sys.stdin:
        request = json.loads(line)
        for _ in range(dice.randrange(6) if mode == "odd" else 1):
            put(odd_lines(dice) if mode == "odd" else b"a stray line\n")
        if "id" in request and "method" in request:
            say(id=request["id"], **answer(request))
    if mode == "stays":
        os.setpgrp()
        time.sleep(60)


if __name__ == "__main__":
    main(*sys.argv[1:])
