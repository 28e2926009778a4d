"""What a client says, on its way up: its order, what waits for what, and what is said again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from fakes import settled

from daemon.events import PieceSent, UtteranceGiven
from daemon.session.liveness import Evidence
from daemon.session.uplink import Told
from daemon.web.talk.upstream import MAX_TEXTS, Upstream

MESSAGE = 1280


class Line:
    """A connection that writes down what leaves; `up` False: there is none."""

    def __init__(self, *, manual: bool) -> None:
        self.left: list[str | int] = []
        self.pcm = b""
        self._posted: asyncio.Queue[Told] = asyncio.Queue()
        self.now_s = 7.0
        self.relayed_s: list[float] = []
        self.up = Upstream(
            manual=manual,
            message_ms=40,
            post=self._posted.put_nowait,
            clock=lambda: self.now_s,
            relayed=self.relayed_s.append,
        )
        self._task: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        self.up.uplink.restart()
        self._task = asyncio.create_task(self.up.uplink.pump(self))
        await self.turn()

    async def lose(self) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.wait([self._task])
        self.up.note_lost()

    async def turn(self) -> None:
        """Let everything happen that can."""
        for _ in range(6):
            await settled()
            while not self._posted.empty():
                match self._posted.get_nowait():
                    case PieceSent():
                        self.up.note_sent()
                    case UtteranceGiven(turn):
                        self.up.note_given(turn)

    async def send_audio(self, pcm: bytes) -> None:
        self.pcm += pcm
        self.left.append(len(pcm))

    async def start_activity(self) -> None:
        self.left.append("start")

    async def end_activity(self) -> None:
        self.left.append("end")

    async def end_stream(self) -> None:
        self.left.append("end of stream")

    async def send_text(self, text: str) -> None:
        self.left.append(text)

    async def send_video(self, jpeg: bytes) -> None:
        self.left.append(jpeg.decode())

    def evidence(self) -> Evidence | None:
        return None


@pytest.fixture
async def stream() -> AsyncIterator[Line]:
    line = Line(manual=False)
    yield line
    await line.lose()


@pytest.fixture
async def manual() -> AsyncIterator[Line]:
    line = Line(manual=True)
    yield line
    await line.lose()


async def test_the_end_of_a_stream_leaves_with_its_last_words(stream: Line) -> None:
    await stream.connect()
    stream.up.hear(b"\1\0" * 1000)
    stream.up.end()
    await stream.turn()
    assert stream.pcm == b"\1\0" * 1000 + bytes(2 * MESSAGE - 2000)
    assert stream.left == [MESSAGE, MESSAGE, "end of stream"]
    assert stream.up.asked_at_s == 7.0
    assert not stream.up.must_be_answered


async def test_what_was_said_before_there_is_a_connection_leaves_on_it(stream: Line) -> None:
    stream.up.hear(b"\1\0" * 2000)
    stream.up.end()
    await stream.connect()
    assert stream.pcm.startswith(b"\1\0" * 2000)
    assert stream.left[-1] == "end of stream"


async def test_how_long_each_piece_of_speech_was_under_way_is_told_once(stream: Line) -> None:
    """What waits for a connection counts, and what is said again after a loss does not count twice."""
    stream.up.hear(b"\1\0" * 640)
    stream.now_s = 8.5
    stream.up.hear(b"\1\0" * 320)
    await stream.connect()
    assert stream.relayed_s == [1.5]
    stream.now_s = 9.0
    stream.up.hear(b"\1\0" * 320)
    await stream.turn()
    assert stream.relayed_s == [1.5, 0.5, 0.0]
    await stream.lose()
    await stream.connect()
    assert stream.relayed_s == [1.5, 0.5, 0.0]


async def test_more_speech_takes_the_end_back(stream: Line) -> None:
    stream.up.hear(b"\1\0" * 2000)
    stream.up.end()
    stream.up.hear(b"\2\0" * 640)
    await stream.connect()
    assert "end of stream" not in stream.left
    assert stream.up.listening


async def test_an_ended_stream_that_was_not_answered_is_said_again(stream: Line) -> None:
    await stream.connect()
    stream.up.hear(b"\1\0" * 640)
    stream.up.end()
    await stream.turn()
    await stream.lose()
    first, stream.pcm, stream.left = stream.pcm, b"", []
    await stream.connect()
    assert stream.pcm == first
    assert stream.left[-1] == "end of stream"


async def test_an_answered_stream_is_not_said_again(stream: Line) -> None:
    await stream.connect()
    stream.up.hear(b"\1\0" * 640)
    stream.up.end()
    await stream.turn()
    stream.up.note_answered()
    await stream.lose()
    stream.left = []
    await stream.connect()
    assert stream.left == []
    assert stream.up.asked_at_s is None


async def test_texts_leave_one_after_the_other_and_speech_after_them(stream: Line) -> None:
    for number in range(3):
        assert stream.up.write(f"text {number}")
    stream.up.hear(b"\1\0" * 640)
    await stream.connect()
    assert stream.left == ["text 0", "text 1", "text 2", MESSAGE]


async def test_speech_that_ended_behind_a_text_ends_after_it(stream: Line) -> None:
    stream.up.write("text")
    stream.up.hear(b"\1\0" * 640)
    stream.up.end()
    await stream.connect()
    assert stream.left == ["text", MESSAGE, "end of stream"] or stream.left[:2] == ["text", MESSAGE]
    assert stream.left[-1] == "end of stream"


async def test_too_many_texts_are_refused(stream: Line) -> None:
    assert [stream.up.write("text") for _ in range(MAX_TEXTS + 2)] == [True] * (MAX_TEXTS + 1) + [False]
    await stream.connect()


async def test_presses_make_utterances_and_nothing_else_leaves(manual: Line) -> None:
    await manual.connect()
    manual.up.hear(b"\3\0" * 640)
    manual.up.press()
    manual.up.hear(b"\1\0" * 700)
    manual.up.end()
    manual.up.hear(b"\3\0" * 640)
    await manual.turn()
    assert manual.left == ["start", MESSAGE, 120, "end"]
    assert manual.pcm == b"\1\0" * 700
    assert manual.up.unheard_bytes == 2 * MESSAGE
    assert manual.up.must_be_answered


async def test_a_lost_utterance_is_said_again_whole(manual: Line) -> None:
    await manual.connect()
    manual.up.press()
    manual.up.hear(b"\1\0" * 1280)
    await manual.turn()
    await manual.lose()
    manual.up.hear(b"\2\0" * 640)
    manual.up.end()
    manual.pcm, manual.left = b"", []
    await manual.connect()
    assert manual.pcm == b"\1\0" * 1280 + b"\2\0" * 640
    assert manual.left[-1] == "end"
