"""The examples of docs/use/tools.md, as they stand there."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from pathlib import Path

import pytest
from places import ROOT

from daemon.config.models import capabilities
from daemon.config.settings import ToolSettings
from daemon.tools.calling.runner import Runner
from daemon.tools.sources.owned import load_owned
from daemon.tools.sources.toolbox import Toolbox

PAGE = (ROOT / "docs/use/tools.md").read_text("utf-8")
FILE = re.compile(r"`/etc/conure/tools/([\w.]+)`:\n\n```\w+\n(.*?)```", re.DOTALL)
EXAMPLES = dict(FILE.findall(PAGE))


def test_each_example_is_tried_here() -> None:
    assert sorted(EXAMPLES) == ["bins.py", "disk.toml", "home.toml", "time.toml"]


async def test_the_house_is_asked_about_doors_and_not_about_lamps(tmp_path: Path) -> None:
    (tmp_path / "home.toml").write_text(EXAMPLES["home.toml"])
    owned = load_owned(tmp_path)
    assert owned.faults == ()
    (server,) = owned.servers
    turn_on, look = server.confirms("HassTurnOn"), server.confirms("GetLiveContext")
    assert look is None
    assert turn_on is not None
    assert turn_on.asks({"name": "front door"})
    assert not turn_on.asks({"name": "lamp", "domain": ["light"]})


@pytest.mark.parametrize(
    ("file", "arguments", "words"),
    [
        ("bins.py", {"kind": "paper"}, "The paper bin is emptied on Tuesday"),
        ("disk.toml", {"folder": "/"}, "%"),
    ],
)
async def test_it_works_as_written(tmp_path: Path, file: str, arguments: dict[str, str], words: str) -> None:
    (tmp_path / file).write_text(EXAMPLES[file])
    owned = load_owned(tmp_path)
    assert owned.faults == ()
    (spec,) = owned.tools
    answer = await Runner().carry_out(spec, arguments)
    assert answer["status"] == "ok"
    assert words in answer["message"]


async def test_the_server_works_as_written_but_for_its_place(tmp_path: Path) -> None:
    pytest.importorskip("mcp", reason="the extra conure[mcp] is not installed")
    pytest.importorskip("mcp_server_time", reason="the server from the package index is not installed")

    place = '"/usr/local/lib/mcp-time/bin/mcp-server-time"'
    assert place in EXAMPLES["time.toml"]
    here = f'{json.dumps(sys.executable)}, "-m", "mcp_server_time"'
    (tmp_path / "time.toml").write_text(EXAMPLES["time.toml"].replace(place, here))
    box = Toolbox(ToolSettings(str(tmp_path)), capabilities("gemini-3.8-live"), ())
    await box.load()
    servers = asyncio.create_task(box.run_servers())
    try:
        async with asyncio.timeout(30):
            await box.servers[0].listed.wait()
        answer = await Runner().carry_out(box.specs()["get_current_time"], {"timezone": "Asia/Tokyo"})
        assert answer["result"]["timezone"] == "Asia/Tokyo"
    finally:
        servers.cancel()
        await asyncio.gather(servers, return_exceptions=True)
