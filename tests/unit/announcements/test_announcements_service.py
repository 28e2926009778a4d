"""Announcements are said in their turn, over all else, and none twice."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from daemon.announcements import service as module
from daemon.announcements.chime import chime, sound_with
from daemon.announcements.record import FILE
from daemon.announcements.service import AnnouncementFate, Announcements
from daemon.announcements.speech import SpeechSource
from daemon.announcements.waiting import MAX_WAITING
from daemon.config.announce import AnnounceSettings
from daemon.errors import ControlError
from daemon.runtime.store import Store
from daemon.session.content import NotSpoken
from daemon.speaking.overlay import Speech
from daemon.words import Phase


class Spoken:
    """Speaks each text as its letters, twice each: whole samples."""

    def __init__(self) -> None:
        self.silent = False
        self.before: Callable[[], object] = lambda: None
        """What happens while a text is being spoken."""

    async def speak(self, text: str, *, voice: str, language: str, model: str) -> AsyncGenerator[bytes, None]:
        if self.silent:
            raise NotSpoken("not today")
        self.before()
        yield "".join(letter * 2 for letter in text).encode()


class FakeLoudspeaker:
    """Plays when it is told to; remembers what it was given."""

    def __init__(self) -> None:
        self.now: Speech | None = None
        self.given: list[Speech | None] = []
        self.gains: list[tuple[int | None, bool]] = []
        self.changed = asyncio.Event()

    def announce(self, speech: Speech | None) -> None:
        self.now = speech
        self.given.append(speech)
        self.changed.set()

    def gain_of(self, percent: int | None, *, urgent: bool) -> float:
        self.gains.append((percent, urgent))
        return 1.0

    async def begun(self) -> Speech:
        """The next announcement, once it is given."""
        while (speech := self.now) is None:
            self.changed.clear()
            await self.changed.wait()
        return speech

    async def play(self) -> str:
        """Play the next one to its end, on a thread of its own; its letters."""
        speech, heard = await self.begun(), bytearray()

        def take_all() -> None:
            while piece := speech.take(960):
                heard.extend(piece)

        player = threading.Thread(target=take_all)
        player.start()
        await asyncio.to_thread(player.join)
        while self.now is speech:
            self.changed.clear()
            await self.changed.wait()
        return bytes(heard).rstrip(b"\0").decode(errors="replace")[::2]


class World:
    """Announcements and what is around them."""

    def __init__(self, store: Store | None = None, settings: AnnounceSettings | None = None) -> None:
        self.now_s = 100.0
        self.spoken = Spoken()
        self.loudspeaker = FakeLoudspeaker()
        self.notes: list[dict[str, Any]] = []
        source = SpeechSource()
        self.changes: list[object] = []
        self.all = Announcements(
            settings,
            store,
            source=source,
            loudspeaker=self.loudspeaker,
            clock=lambda: self.now_s,
            tell=lambda event, **fields: self.notes.append({"event": event, **fields}),
            post=self.changes.append,
        )
        self.all.serve(self.spoken)

    async def ask(self, text: str, **args: Any) -> dict[str, Any]:
        return await self.all.handle({"text": text, **args})

    async def settled(self, count: int) -> None:
        """Wait until so many have their fate."""
        async with asyncio.timeout(5.0):
            while sum(self.all.fates.values()) < count:
                await asyncio.sleep(0.001)

    @property
    def told(self) -> list[tuple[str, str]]:
        return [(note["id"], note["what"]) for note in self.notes]


@contextlib.asynccontextmanager
async def running(world: World | None = None) -> AsyncIterator[World]:
    world = world or World()
    task = asyncio.create_task(world.all.run())
    try:
        async with asyncio.timeout(10.0):
            yield world
    finally:
        task.cancel()
        await asyncio.wait([task])


class TestInTurn:
    async def test_one_is_said_word_for_word_and_the_light_follows(self) -> None:
        async with running() as world:
            assert await world.ask("Hello") == {"id": "announcement-1", "state": "queued", "waiting": 1}
            await world.loudspeaker.begun()
            assert world.all.sounding and world.all.report()["sounds"] == "Hello"
            assert await world.loudspeaker.play() == "Hello"
            await world.settled(1)
        assert world.all.report()["sounds"] is None
        assert world.told == [
            ("announcement-1", "queued"),
            ("announcement-1", "begins"),
            ("announcement-1", "heard"),
        ]
        assert len(world.changes) == 2
        assert world.all.report()["recent"] == ["heard: Hello"]
        assert world.all.counters()["announcements_heard"] == 1

    async def test_they_come_one_after_the_other_the_important_first(self) -> None:
        world = World()
        world.all.follow(Phase.LISTENING)
        async with running(world):
            for text, priority in (("a", "normal"), ("b", "low"), ("c", "high"), ("d", "normal")):
                await world.ask(text, priority=priority)
            assert world.all.report()["waiting"] == 4
            world.all.follow(Phase.IDLE)
            heard = [await world.loudspeaker.play() for _ in range(4)]
        assert heard == ["c", "a", "d", "b"]

    async def test_a_more_important_one_overtakes_one_that_waits_for_quiet(self) -> None:
        async with running() as world:
            world.all.follow(Phase.SPEAKING)
            await world.ask("a", priority="low")
            while world.all.counters()["speech_from_service"] == 0:
                await asyncio.sleep(0.001)
            await world.ask("b")
            world.all.follow(Phase.IDLE)
            heard = [await world.loudspeaker.play() for _ in range(2)]
        assert heard == ["b", "a"]
        assert world.told[-1] == ("announcement-1", "heard")

    @pytest.mark.parametrize(
        "phase", [Phase.LISTENING, Phase.SENDING, Phase.THINKING, Phase.SPEAKING, Phase.FOLLOW_UP]
    )
    async def test_it_waits_while_somebody_speaks_or_is_answered(self, phase: Phase) -> None:
        async with running() as world:
            world.all.follow(phase)
            await world.ask("Hello")
            for _ in range(20):
                await asyncio.sleep(0)
            assert world.loudspeaker.given == []
            world.all.follow(Phase.IDLE)
            assert await world.loudspeaker.play() == "Hello"

    async def test_its_loudness_is_as_asked(self) -> None:
        async with running() as world:
            await world.ask("a", volume=30)
            await world.loudspeaker.play()
            await world.ask("b", priority="high")
            await world.loudspeaker.play()
        assert world.loudspeaker.gains == [(30, False), (None, True)]

    async def test_a_chime_comes_before_it(self) -> None:
        async with running() as world:
            await world.ask("Hello", chime=True)
            speech = await world.loudspeaker.begun()
            assert speech.take(len(chime())) == chime()

    async def test_too_many_are_refused_and_counted(self) -> None:
        world = World()
        for number in range(MAX_WAITING):
            await world.ask(str(number))
        with pytest.raises(ControlError, match="16 announcements wait"):
            await world.ask("more")
        await world.ask("fire", priority="high")
        assert world.all.fates[AnnouncementFate.DROPPED] == 2

    async def test_what_has_expired_is_not_said(self) -> None:
        world = World(settings=AnnounceSettings(expires_s=5.0))
        await world.ask("old")
        await world.ask("lasting", expires_s=100.0)
        world.now_s += 6.0
        async with running(world):
            assert await world.loudspeaker.play() == "lasting"
        assert world.all.fates[AnnouncementFate.EXPIRED] == 1

    async def test_it_expires_while_somebody_speaks(self) -> None:
        async with running() as world:
            world.all.follow(Phase.SPEAKING)
            await world.ask("Hello", expires_s=1.0)
            await world.settled(1)
        assert world.all.fates[AnnouncementFate.EXPIRED] == 1 and world.loudspeaker.given == []

    async def test_it_expires_while_its_sound_is_made(self) -> None:
        async with running() as world:

            def take_long() -> None:
                world.now_s += 2.0

            world.spoken.before = take_long
            await world.ask("Hello", expires_s=1.0)
            await world.settled(1)
        assert world.all.fates[AnnouncementFate.EXPIRED] == 1


class TestBetweenPeople:
    async def test_who_speaks_into_it_is_heard_and_it_comes_once_more(self) -> None:
        async with running() as world:
            await world.ask("Hello")
            for _ in range(2):
                await world.loudspeaker.begun()
                world.all.follow(Phase.LISTENING)
                assert world.loudspeaker.now is None  # at once
                await asyncio.sleep(0)
                world.all.follow(Phase.IDLE)
            await world.settled(2)
        assert world.all.fates[AnnouncementFate.INTERRUPTED] == 2
        assert len([given for given in world.loudspeaker.given if given]) == 2

    async def test_a_reply_that_begins_by_itself_does_not_end_it(self) -> None:
        async with running() as world:
            await world.ask("Hello")
            await world.loudspeaker.begun()
            world.all.follow(Phase.SPEAKING)
            assert await world.loudspeaker.play() == "Hello"

    async def test_a_press_or_stop_ends_it_for_good(self) -> None:
        async with running() as world:
            assert not world.all.hush()
            await world.ask("Hello")
            await world.loudspeaker.begun()
            assert world.all.hush()
            assert world.loudspeaker.now is None
            await world.settled(1)
        assert world.all.fates[AnnouncementFate.STOPPED] == 1

    async def test_its_end_silences_it(self) -> None:
        async with running() as world:
            await world.ask("Hello")
            await world.loudspeaker.begun()
        assert world.loudspeaker.now is None

    async def test_a_speaker_that_plays_nothing_does_not_hold_the_others_up(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "LATE_S", 0.01)
        async with running() as world:
            await world.ask("Hello")
            await world.settled(1)
        assert world.all.fates[AnnouncementFate.UNHEARD] == 1
        assert world.notes[-1]["text"] == "Hello"

    async def test_without_a_speaker_nothing_is_heard(self) -> None:
        silent = Announcements()
        silent.serve(Spoken())
        task = asyncio.create_task(silent.run())
        await silent.handle({"text": "Hello"})
        async with asyncio.timeout(5.0):
            while not silent.fates[AnnouncementFate.UNHEARD]:
                await asyncio.sleep(0.001)
        task.cancel()
        await asyncio.wait([task])


class TestWithoutSpeech:
    async def test_there_is_a_chime_and_the_text_is_told(self) -> None:
        async with running() as world:
            world.spoken.silent = True
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr("daemon.announcements.speech.PAUSE_S", 0.0)
                await world.ask("The door is open.")
                speech = await world.loudspeaker.begun()
            assert speech.take(len(chime())) == chime()
            await world.loudspeaker.play()
            await world.settled(1)
        assert world.all.report()["unspoken"] == "The door is open."
        assert "not today" in world.all.report()["problem"]
        assert world.notes[-1] == {
            "event": "announcement",
            "id": "announcement-1",
            "what": "unspoken",
            "text": "The door is open.",
        }

    def test_the_chime_is_in_place_of_the_words_whether_it_was_asked_for_or_not(self) -> None:
        assert sound_with(b"", chimes=False) == sound_with(b"", chimes=True) == chime()
        assert sound_with(b"ab", chimes=False) == b"ab"


class TestNoneTwice:
    async def test_an_id_that_waits_sounds_or_was_said_is_known(self, tmp_path: Path) -> None:
        async with running(World(Store(tmp_path))) as world:
            world.all.follow(Phase.SPEAKING)
            await world.ask("Hello", id="door")
            assert (await world.ask("Hello", id="door"))["state"] == "known"
            world.all.follow(Phase.IDLE)
            await world.loudspeaker.begun()
            assert (await world.ask("Hello", id="door"))["state"] == "known"
            await world.loudspeaker.play()
            await world.settled(1)
            assert (await world.ask("Hello", id="door"))["state"] == "known"
            assert (await world.ask("Hello"))["state"] == "queued"

    async def test_nor_after_a_restart_in_its_middle(self, tmp_path: Path) -> None:
        async with running(World(Store(tmp_path))) as world:
            await world.ask("Hello", id="door")
            await world.loudspeaker.begun()
        assert (tmp_path / FILE).exists()
        again = World(Store(tmp_path))
        assert (await again.ask("Hello", id="door"))["state"] == "known"
        assert (await again.ask("Hello", id="window"))["state"] == "queued"

    async def test_what_was_not_begun_may_come_again(self, tmp_path: Path) -> None:
        world = World(Store(tmp_path))
        await world.ask("Hello", id="door")
        assert (await World(Store(tmp_path)).ask("Hello", id="door"))["state"] == "queued"

    async def test_who_speaks_while_the_disk_is_written_is_heard_first(self, tmp_path: Path) -> None:
        world = World(store := Store(tmp_path))
        keep = store.keep_aside

        async def slow(name: str, content: Any) -> bool:
            world.all.follow(Phase.LISTENING)
            return await keep(name, content)

        store.keep_aside = slow  # type: ignore[method-assign] # somebody speaks just then
        async with running(world):
            await world.ask("Hello", id="door")
            await world.settled(1)
            assert world.loudspeaker.given == []
            world.all.follow(Phase.IDLE)
            assert await world.loudspeaker.play() == "Hello"

    async def test_the_text_is_not_logged(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level("DEBUG")
        async with running() as world:
            await world.ask("a secret")
            await world.loudspeaker.play()
            await world.settled(1)
        assert "secret" not in caplog.text
