"""A server that speaks as Home Assistant's MCP integration does (homeassistant/components/mcp_server).

It is stateless: each POST to /api/mcp holds one JSON-RPC message and is answered by one JSON object, or by
202 where it is no request. There is no GET. A call's result is one text, JSON. Without the token it answers
401.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

PLACE = {
    "name": {"type": "string"},
    "area": {"type": "string"},
    "domain": {"type": "array", "items": {"type": "string"}},
}
TOOLS = {"HassTurnOn": PLACE, "HassTurnOff": PLACE, "GetLiveContext": {}}


@dataclass
class Home:
    """A house with what was done in it, in order, and where it answers."""

    token: str = "a-long-lived-token"
    url: str = ""
    done: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    async def post(self, request: Request) -> Response:
        """One message."""
        if request.headers.get("authorization") != f"Bearer {self.token}":
            return Response(status_code=401)
        message = await request.json()
        if "id" not in message:
            return Response(status_code=202)
        return JSONResponse({"jsonrpc": "2.0", "id": message["id"]} | self._answer(message))

    def _answer(self, message: dict[str, Any]) -> dict[str, Any]:
        match message["method"]:
            case "initialize":
                version = message["params"]["protocolVersion"]
                about = {"name": "home-assistant", "version": "1.26.0"}
                return {
                    "result": {
                        "protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": about,
                    }
                }  # fmt: skip
            case "tools/list":
                return {"result": {"tools": [_tool(name, schema) for name, schema in TOOLS.items()]}}
            case "tools/call":
                self.done.append((message["params"]["name"], message["params"].get("arguments", {})))
                text = json.dumps({"success": True, "result": "done"})
                return {"result": {"content": [{"type": "text", "text": text}], "isError": False}}
        return {"error": {"code": -32601, "message": "Method not found"}}


def _tool(name: str, properties: dict[str, Any]) -> dict[str, Any]:
    schema = {"type": "object", "properties": properties}
    return {"name": name, "description": f"does {name}", "inputSchema": schema}


@contextlib.asynccontextmanager
async def running_home() -> AsyncIterator[Home]:
    """A house on loopback."""
    home = Home()
    app = Starlette(routes=[Route("/api/mcp", home.post, methods=["POST"])])
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", lifespan="off"))
    serving = asyncio.create_task(server.serve())
    try:
        while not server.started:
            await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        home.url = f"http://127.0.0.1:{port}/api/mcp"
        yield home
    finally:
        server.should_exit = True
        await serving
