"""The gateway's side of the control socket, against the speaker's own server."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from daemon.control.client import REQUEST_LIMIT_BYTES
from daemon.control.remote import client
from daemon.control.remote.client import MAX_ASKING, MAX_WAITING, NoSpeaker, Note, RemoteSpeaker, SpeakerAway
from daemon.control.server import ControlServer
from daemon.errors import ControlError

PATIENCE_S = 20.0


class FakeConure:
    """Answers commands, and streams what it is told to."""

    def __init__(self) -> None:
        self.watches: list[Mapping[str, Any]] = []
        self.events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.busy = 0
        self.busiest = 0
        self.go = asyncio.Event()
        self.go.set()

    async def handle(self, command: str, args: dict[str, Any]) -> Any:
        self.busy += 1
        self.busiest = max(self.busiest, self.busy)
        await self.go.wait()
        self.busy -= 1
        match command:
            case "refuse":
                raise ControlError("not now")
            case "status":
                return {"state": "idle"}
        return {"command": command, **args}

    async def watch(self, args: Mapping[str, Any]) -> AsyncIterator[dict[str, Any]]:
        self.watches.append(args)
        yield {"event": "snapshot", "status": {"state": "watched"}}
        while True:
            yield await self.events.get()

    @contextlib.asynccontextmanager
    async def at(self, path: Path) -> AsyncIterator[ControlServer]:
        async with ControlServer(path, self.handle, self.watch) as server:
            yield server


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "control.sock"


@pytest.fixture
async def conure() -> FakeConure:
    return FakeConure()


@pytest.fixture
async def speaker(path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[RemoteSpeaker]:
    monkeypatch.setattr(client, "RETRY_S", (0.01,))
    one = RemoteSpeaker(lambda: path)
    task = asyncio.create_task(one.run())
    yield one
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def until(notes: AsyncGenerator[Note], **wanted: Any) -> list[Note]:
    """Take notes up to the first with these values."""
    seen: list[Note] = []
    async with asyncio.timeout(PATIENCE_S):
        async for note in notes:
            seen.append(note)
            if wanted.items() <= note.items():
                return seen
    raise AssertionError(seen)


async def eventually(condition: Any) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():
            await asyncio.sleep(0.001)


async def test_a_command_is_carried_out(speaker: RemoteSpeaker, conure: FakeConure, path: Path) -> None:
    async with conure.at(path):
        assert await speaker.ask("volume", percent=30) == {"command": "volume", "percent": 30}


async def test_what_the_speaker_refuses_is_told_in_its_words(
    speaker: RemoteSpeaker, conure: FakeConure, path: Path
) -> None:
    async with conure.at(path):
        with pytest.raises(ControlError, match="not now") as told:
            await speaker.ask("refuse")
    assert not isinstance(told.value, SpeakerAway)


async def test_a_speaker_that_is_not_there_is_away(speaker: RemoteSpeaker) -> None:
    with pytest.raises(SpeakerAway, match="away"):
        await speaker.ask("status")
    assert not speaker.present


async def test_a_request_that_is_too_long_is_not_sent(speaker: RemoteSpeaker) -> None:
    with pytest.raises(ControlError, match="too long"):
        await speaker.ask("say", text="x" * REQUEST_LIMIT_BYTES)


async def test_no_more_commands_are_under_way_than_leave_room_for_others(
    speaker: RemoteSpeaker, conure: FakeConure, path: Path
) -> None:
    async with conure.at(path):
        conure.go.clear()
        asked = [asyncio.create_task(speaker.ask("status")) for _ in range(3 * MAX_ASKING)]
        await eventually(lambda: conure.busy == MAX_ASKING)
        conure.go.set()
        assert await asyncio.gather(*asked) == [{"state": "idle"}] * len(asked)
    assert conure.busiest == MAX_ASKING


async def test_who_listens_gets_first_how_it_is_and_then_what_happens(
    speaker: RemoteSpeaker, conure: FakeConure, path: Path
) -> None:
    async with conure.at(path), contextlib.aclosing(speaker.notes()) as notes:
        await eventually(lambda: speaker.present)
        conure.events.put_nowait({"event": "state", "state": "listening"})
        seen = await until(notes, event="state")
    assert seen[:3] == [
        {"event": "speaker", "speaker": "here"},
        {"event": "snapshot", "status": {"state": "idle"}},
        {"event": "said", "lines": []},
    ]


async def test_all_who_listen_share_one_watch(speaker: RemoteSpeaker, conure: FakeConure, path: Path) -> None:
    async with conure.at(path), contextlib.AsyncExitStack() as stack:
        ears = [await stack.enter_async_context(contextlib.aclosing(speaker.notes())) for _ in range(12)]
        for ear in ears:
            await anext(ear)
        conure.events.put_nowait({"event": "state", "state": "listening"})
        for ear in ears:
            await until(ear, event="state")
    assert conure.watches == [{"level": False}]


async def test_the_level_is_asked_for_only_while_somebody_wants_it(
    speaker: RemoteSpeaker, conure: FakeConure, path: Path
) -> None:
    async with conure.at(path):
        await eventually(lambda: conure.watches == [{"level": False}])
        async with contextlib.aclosing(speaker.notes(level=True)) as notes:
            await anext(notes)
            await eventually(lambda: conure.watches[1:] == [{"level": True}])
        await eventually(lambda: conure.watches[2:] == [{"level": False}])


async def test_a_speaker_that_starts_again_is_back_with_a_snapshot(
    speaker: RemoteSpeaker, conure: FakeConure, path: Path
) -> None:
    async with contextlib.aclosing(speaker.notes()) as notes:
        async with conure.at(path):
            await until(notes, speaker="here")
            await eventually(lambda: speaker.present)
        await until(notes, speaker="away")
        assert not speaker.present
        async with FakeConure().at(path):
            seen = await until(notes, event="snapshot")
    assert {"event": "speaker", "speaker": "here"} in seen
    assert speaker.lost == 1


async def test_who_is_answered_need_not_wait_for_the_watch(
    conure: FakeConure, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "RETRY_S", (3600.0,))
    speaker = RemoteSpeaker(lambda: path)
    watching = asyncio.create_task(speaker.run())
    with pytest.raises(SpeakerAway):
        await speaker.ask("status")
    async with conure.at(path):
        await speaker.ask("status")
        await eventually(lambda: speaker.present)
    watching.cancel()


async def test_who_is_too_slow_is_told_how_much_was_missed_and_how_it_is(
    speaker: RemoteSpeaker, conure: FakeConure, path: Path
) -> None:
    last = MAX_WAITING + 50
    async with (
        conure.at(path),
        contextlib.aclosing(speaker.notes()) as notes,
        contextlib.aclosing(speaker.notes()) as quick,
    ):
        await until(notes, event="snapshot")
        await until(quick, event="snapshot")
        await eventually(lambda: speaker.present)
        for number in range(last + 1):
            conure.events.put_nowait({"event": "state", "number": number})
        await until(quick, number=last)
        seen = await until(notes, event="gap")
        after = await until(notes, event="snapshot")
    assert seen[-1]["count"] > MAX_WAITING
    assert after[-1]["status"] == {"state": "idle"}
    assert speaker.counters()["web_notes_dropped"] >= seen[-1]["count"]


@pytest.mark.parametrize(
    "answer", [b"what?\n", b"[]\n", b"\n", b'{"ok": 1}\n', b"x" * (2 * 1024 * 1024) + b"\n"]
)
async def test_an_answer_of_something_else_is_an_error_in_words(
    speaker: RemoteSpeaker, path: Path, answer: bytes
) -> None:
    async def give(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(answer)
        with contextlib.suppress(ConnectionError):
            await writer.drain()
        writer.close()

    async with await asyncio.start_unix_server(give, path):
        with pytest.raises(ControlError):
            await speaker.ask("status")


async def test_an_answer_that_breaks_off_means_that_it_went_away(speaker: RemoteSpeaker, path: Path) -> None:
    async def give(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b'{"ok": tr')
        writer.close()

    async with await asyncio.start_unix_server(give, path):
        with pytest.raises(SpeakerAway):
            await speaker.ask("status")


async def test_a_gateway_without_a_speaker_says_so() -> None:
    alone = NoSpeaker()
    with pytest.raises(ControlError, match="has no speaker"):
        await alone.ask("status")
    async with contextlib.aclosing(alone.notes()) as notes:
        assert (await anext(notes))["speaker"] == "none"
