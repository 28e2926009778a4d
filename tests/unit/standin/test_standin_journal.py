"""What the stand-in tells while it runs: lines for people, and the file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from google.genai import errors
from standin_support import (
    FAST,
    KEY,
    closing_of,
    raw_client,
    say,
    session,
    setup_message,
    speech,
    take_turn,
    tell,
)

from daemon.standin.door.credentials import ApiKeys
from daemon.standin.journal import RecordFile, Watcher, printable
from daemon.standin.server import StandIn
from daemon.standin.voices import Tone


def lines_of(path: Path) -> list[dict[str, Any]]:
    """The file's lines."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


class TestLines:
    @pytest.mark.parametrize("everything", [False, True])
    async def test_a_client_that_is_refused_is_told_of_always(self, everything: bool) -> None:
        told: list[str] = []
        async with StandIn(pace=FAST, keys=ApiKeys(only=frozenset(["right"]))) as standin:
            standin.record.watchers.append(Watcher(told.append, everything=everything))
            with pytest.raises(errors.APIError):
                async with session(standin):
                    pass
            await standin.wait_for(lambda record: not record.connections[0].open)
        refusal = "connection 1: closed with 1007 API key not valid. Please pass a valid API key."
        assert (told == [refusal]) is not everything
        assert refusal in told

    async def test_every_step_is_told_where_one_wants_it(self) -> None:
        told: list[str] = []
        async with StandIn(Tone(0.2), pace=FAST) as standin:
            standin.record.watchers.append(Watcher(told.append, everything=True))
            async with session(standin) as live:
                await say(live, speech(0.4))
                await take_turn(live)
            await standin.wait_for(lambda record: not record.connections[0].open)
        steps = [line.removeprefix("connection 1: ") for line in told]
        assert steps[:3] == ["connected", "wants models/gemini-3.8-live", "sent setup_complete"]
        assert "turn 1 ended by activity_end after 0.40 s of sound" in steps
        assert steps[-1] == "closed by the client (1000)"

    def test_what_commands_a_terminal_is_not_told(self) -> None:
        assert printable("a\x1b[31m\u202eb é") == "a?[31m?b é"


class TestTheFile:
    async def test_it_holds_all_that_was_said_but_the_sound_and_the_key(self, tmp_path: Path) -> None:
        path = tmp_path / "record.jsonl"
        async with StandIn(Tone(0.2), pace=FAST) as standin:
            async with RecordFile(path, standin.record, pytest.fail):
                async with session(standin) as live:
                    await say(live, speech(0.4))
                    await take_turn(live)
                await standin.wait_for(lambda record: not record.connections[0].open)
        lines = lines_of(path)
        kinds = [line["kind"] for line in lines]
        assert kinds[:3] == ["connected", "setup", "sent"]
        assert kinds.count("audio") == 10 and kinds[-1] == "closed"
        setup = next(line["what"] for line in lines if line["kind"] == "setup")
        assert setup["model"] == "models/gemini-3.8-live"
        audio = next(line for line in lines if line["kind"] == "audio")
        assert audio["what"] == {"seconds": 0.04, "rate_hz": 16000} and audio["at_s"] >= 0
        assert KEY not in path.read_text("utf-8")

    async def test_bytes_in_a_message_are_counted_only(self, tmp_path: Path) -> None:
        path = tmp_path / "record.jsonl"
        content = {"turns": [{"parts": [{"inlineData": {"data": "AAAA", "mimeType": "image/png"}}]}]}
        async with StandIn(pace=FAST) as standin, RecordFile(path, standin.record, pytest.fail):
            async with raw_client(standin) as websocket:
                await tell(websocket, setup_message(), {"clientContent": content}, {})
                await closing_of(websocket)
        said = next(line["what"] for line in lines_of(path) if line["kind"] == "client_content")
        assert said["turns"][0]["parts"][0]["inlineData"]["data"] == "(3 bytes)"

    async def test_it_ends_before_the_disk_is_full(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("daemon.standin.journal.FILE_BYTES", 200)
        path = tmp_path / "record.jsonl"
        async with StandIn(pace=FAST) as standin, RecordFile(path, standin.record, pytest.fail):
            for _ in range(3):
                async with raw_client(standin) as websocket:
                    await tell(websocket, {})
                    await closing_of(websocket)
        assert lines_of(path)[-1] == {"kind": "the file is full"}
        assert path.stat().st_size < 400

    async def test_a_disk_that_fails_is_told_of_and_nothing_else_ends(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("daemon.standin.journal.WRITE_S", 0.01)
        told: list[str] = []
        async with StandIn(pace=FAST) as standin, RecordFile(Path("/dev/full"), standin.record, told.append):
            async with raw_client(standin) as websocket:
                await tell(websocket, {})
                await closing_of(websocket)
            await standin.wait_for(lambda record: not record.connections[0].open)
            for _ in range(200):
                async with raw_client(standin) as websocket:
                    await tell(websocket, {})
                    await closing_of(websocket)
                if told:
                    break
        assert told == ["the record is written no longer: No space left on device"]

    async def test_a_place_where_nothing_can_be_written_is_an_error_at_the_start(
        self, tmp_path: Path
    ) -> None:
        async with StandIn() as standin:
            with pytest.raises(FileNotFoundError):
                async with RecordFile(tmp_path / "none" / "record", standin.record, pytest.fail):
                    pass
