"""`conure messages`: tells what it costs, asks, and waits until they are made."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from daemon.cli import messages
from daemon.cli.main import main
from daemon.control.server import ControlServer

TOLD = {
    "state": "idle",
    "problem": None,
    "model": "m",
    "messages": 10,
    "made": 0,
    "speech_s": 30,
    "cost_usd": 0.005,
}


class FakeDaemon:
    """Has made them when it is asked the second time."""

    def __init__(self, end: str = "done", **told: Any) -> None:
        self.told = TOLD | told
        self.end = end
        self.asked: list[object] = []

    async def handle(self, command: str, args: dict[str, Any]) -> Any:
        assert command == "messages"
        self.asked.append(args["action"])
        if args["action"] == "make":
            self.told["state"] = "making"
        elif self.told["state"] == "making" and self.end:
            self.told |= {"state": self.end, "made": 10 if self.end == "done" else 0}
        return self.told

    async def watch(self, _: object) -> AsyncIterator[dict[str, Any]]:
        yield {}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(messages, "LOOK_S", 0.0)
    monkeypatch.setenv("CONURE_SOCKET", str(tmp_path / "control.sock"))


async def asked(conure: FakeDaemon, socket: Path, *argv: str) -> int:
    async with ControlServer(socket, conure.handle, conure.watch):
        return await asyncio.to_thread(main, argv)


async def test_it_tells_whose_they_are_and_what_it_costs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await asked(FakeDaemon(), tmp_path / "control.sock", "messages") == 0
    assert "Conure's own" in (out := capsys.readouterr().out) and "0.005 US dollars" in out
    assert await asked(FakeDaemon(made=10), tmp_path / "control.sock", "messages") == 0
    assert "10 of 10 are your own" in capsys.readouterr().out


async def test_as_json_it_is_what_the_speaker_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await asked(FakeDaemon(), tmp_path / "control.sock", "messages", "--json") == 0
    assert json.loads(capsys.readouterr().out) == TOLD


async def test_with_yes_they_are_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    conure = FakeDaemon()
    assert await asked(conure, tmp_path / "control.sock", "messages", "make", "--yes") == 0
    assert conure.asked == ["show", "make", "show"]
    assert "10 messages were made" in capsys.readouterr().out


async def test_without_a_yes_nothing_is_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    conure = FakeDaemon(cost_usd=None)
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert await asked(conure, tmp_path / "control.sock", "messages", "make") == 1
    assert conure.asked == ["show"]
    captured = capsys.readouterr()
    assert "nothing was made" in captured.err and "pricing" in captured.out


class Terminal(io.StringIO):
    """Somebody who types."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("typed", "status"), [("y\n", 0), ("Yes\n", 0), ("\n", 1), ("no\n", 1)])
async def test_at_a_terminal_it_asks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, typed: str, status: int
) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(typed))
    assert await asked(FakeDaemon(), tmp_path / "control.sock", "messages", "make") == status


@pytest.mark.parametrize(
    ("conure", "words"),
    [(FakeDaemon("failed", problem="no network"), "no network"), (FakeDaemon(""), "longer than usual")],
)
async def test_what_was_not_made_is_told(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    conure: FakeDaemon,
    words: str,
) -> None:
    monkeypatch.setattr(messages, "LONGEST_S", 0.05)
    assert await asked(conure, tmp_path / "control.sock", "messages", "make", "--yes") == 1
    assert words in capsys.readouterr().err
