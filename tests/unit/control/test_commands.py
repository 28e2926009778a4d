"""What the commands of the control socket do in the daemon, and what `status` tells."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest
from fakes import ShownLeds, attendant

from daemon.conductor.budget import DayBudget
from daemon.conductor.button import ButtonInput
from daemon.conductor.controller import Controller
from daemon.conductor.downlink import Downlink
from daemon.conductor.parts import Parts
from daemon.conductor.performer import Performer
from daemon.conductor.timers import Timers
from daemon.config.settings import ButtonSettings, Settings, SoundSettings, VadSettings
from daemon.control.commands import MAX_TEXT, Commands
from daemon.control.status import Reporter
from daemon.dialogue.state import MicState, Policy
from daemon.errors import ControlError
from daemon.events import (
    Event,
    MicLost,
    MuteSet,
    SpeechStarted,
    StopAsked,
    TalkPressed,
    TextAsked,
    Trigger,
    UtteranceSent,
)
from daemon.hearing.capture import Capture, Listening
from daemon.hearing.endpointing import SpeechDetector
from daemon.lights.lamp import Lamp
from daemon.run.about import About
from daemon.runtime.feed import Feed
from daemon.runtime.mailbox import Mailbox
from daemon.runtime.ring import FifoRing, HistoryRing
from daemon.session.connection import Connection
from daemon.session.failures import Failure, FailureKind
from daemon.session.link import Asked, Failed, LinkPolicy
from daemon.session.link_table import step
from daemon.session.liveness import Evidence
from daemon.session.uplink import Uplink
from daemon.speaking.announcer import Announcer
from daemon.speaking.gain import gain_for
from daemon.speaking.playback import Playback
from daemon.speaking.volume import Volume
from daemon.tools.kit import build_kit
from hw.base import Mic, MicError, Speaker


def no_mic() -> Mic:
    raise AssertionError("nothing here opens a device")


def no_speaker() -> Speaker:
    raise AssertionError("nothing here opens a device")


class Rig:
    """A daemon's parts, none of them running."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.mailbox: Mailbox[Event] = Mailbox()
        self.uplink_ring, self.reply_ring = HistoryRing(1000), FifoRing(1000)
        self.parts = self._parts()
        self.volume = self.parts.volume
        self.controller = controller_of(self.parts)
        self.reporter = Reporter(
            reports=(
                About(Settings(), "simulated", stand_in=True, clock=self._clock),
                self.controller,
                self.parts,
                build_kit(
                    Settings(), feed=self.parts.feed, post=self.mailbox.post, hold_uplink=lambda on: None
                ),
            ),
            counts=(self.parts, self.controller),
        )
        self.commands = Commands(self.mailbox, self.volume, self.reporter.snapshot)

    def _clock(self) -> float:
        return self.now_s

    def _parts(self) -> Parts:
        uplink = Uplink(
            self.uplink_ring,
            message_bytes=4,
            preroll_bytes=2,
            post=self.mailbox.post,
        )
        capture = Capture(
            attendant(no_mic),
            self.uplink_ring,
            Listening(detector=SpeechDetector(VadSettings(), lambda chunk: False), own_sound=lambda: False),
            post=self.mailbox.post,
            wake_uplink=uplink.wake,
        )
        connection = Connection(
            uplink,
            policy=LinkPolicy(),
            post=self.mailbox.post,
            room=self.mailbox.room,
            clock=self._clock,
            jitter=lambda: 0.0,
        )
        playback = Playback(attendant(no_speaker), self.reply_ring, post=self.mailbox.post, clock=self._clock)
        return Parts(
            mailbox=self.mailbox,
            capture=capture,
            playback=playback,
            uplink=uplink,
            connection=connection,
            lamp=Lamp(ShownLeds(), self._clock),
            volume=Volume(playback, SoundSettings(), percent=70),
            feed=Feed(),
            clock=self._clock,
        )

    async def do(self, command: str, **args: object) -> Any:
        return await self.commands.handle(command, args)

    async def handle_until(self, last: Event) -> None:
        event = None
        while event != last:
            event = await self.posted()
            self.controller.handle(event)

    async def posted(self) -> Event:
        async with asyncio.timeout(1.0):
            return await self.mailbox.get()


def controller_of(parts: Parts) -> Controller:
    timers = Timers(parts.mailbox.post)
    downlink = Downlink(
        parts.playback, parts.tools, parts.accounts, parts.feed, streaming=False, log_transcripts=False
    )
    announcer = Announcer(parts.playback, parts.clock, earcons=True, spoken=True)
    return Controller(
        parts,
        policy=Policy(),
        vad=VadSettings(),
        downlink=downlink,
        performer=Performer(parts, timers, downlink, announcer, DayBudget(parts.accounts), echo_free=True),
        button=ButtonInput(ButtonSettings(), parts.clock, parts.mailbox.post),
        timers=timers,
    )


@pytest.fixture
async def rig() -> Rig:
    return Rig()


# --- commands


@pytest.mark.parametrize(
    ("command", "args", "event"),
    [
        ("talk", {}, TalkPressed(Trigger.COMMAND)),
        ("stop", {}, StopAsked()),
        ("mute", {}, MuteSet(True)),
        ("unmute", {}, MuteSet(False)),
        ("say", {"text": "  Good morning \n"}, TextAsked("Good morning")),
    ],
)
async def test_a_command_becomes_an_event(
    rig: Rig, command: str, args: dict[str, object], event: Event
) -> None:
    assert await rig.do(command, **args) is None
    assert await rig.posted() == event


async def test_nobody_is_left_talking_to_a_muted_microphone(rig: Rig) -> None:
    rig.controller.state = replace(rig.controller.state, mic=MicState(muted=True))
    with pytest.raises(ControlError, match="muted; open it with `conure unmute`"):
        await rig.do("talk")


async def test_the_volume_is_set_and_told(rig: Rig) -> None:
    assert await rig.do("volume") == {"volume": 70}
    assert await rig.do("volume", change=15) == {"volume": 85}
    assert await rig.do("volume", percent=50) == {"volume": 50}
    assert rig.parts.playback.gain == gain_for(50)
    assert await rig.do("volume", percent=0) == {"volume": 0}
    assert rig.parts.playback.gain == 0.0


@pytest.mark.parametrize(
    ("command", "args", "says"),
    [
        ("volume", {"percent": 101}, "0 to 100"),
        ("volume", {"percent": -1}, "0 to 100"),
        ("volume", {"percent": "loud"}, "whole number"),
        ("volume", {"percent": 12.5}, "whole number"),
        ("volume", {"percent": True}, "whole number"),
        ("volume", {"change": "more"}, "whole number"),
        ("say", {}, "needs a text"),
        ("say", {"text": "   "}, "needs a text"),
        ("say", {"text": 5}, "needs a text"),
        ("say", {"text": "a" * (MAX_TEXT + 1)}, "too long"),
        ("dance", {}, "no command 'dance'"),
    ],
)
async def test_what_cannot_be_done_is_refused_and_changes_nothing(
    rig: Rig, command: str, args: dict[str, object], says: str
) -> None:
    with pytest.raises(ControlError, match=says):
        await rig.do(command, **args)
    assert rig.volume.percent == 70
    assert rig.mailbox.high_water == 0


async def test_the_longest_text_is_taken(rig: Rig) -> None:
    await rig.do("say", text="a" * MAX_TEXT)
    assert await rig.posted() == TextAsked("a" * MAX_TEXT)


# --- status


async def test_the_status_can_be_written_as_json(rig: Rig) -> None:
    rig.parts.ledger.open(1, Trigger.BUTTON, 99.0, online=True)
    told = await rig.do("status")
    assert json.loads(json.dumps(told)) == told


async def test_the_status_tells_the_state_in_words(rig: Rig) -> None:
    rig.now_s = 105.0
    told = await rig.do("status")
    assert (told["state"], told["since_s"], told["up_s"]) == ("idle", 5.0, 5.0)
    assert (told["volume"], told["muted"], told["light"]) == (70, False, "ready")
    assert (told["board"], told["service"]) == ("simulated", "stand-in")
    assert told["link"]["state"] == "offline"
    assert told["link"]["problem"] is None
    assert told["devices"]["mic"]["problem"] is None


async def test_the_status_names_what_is_wrong_with_a_device(rig: Rig) -> None:
    rig.parts.capture.mic.error = MicError("hw:1", "gone")
    rig.controller.handle(MicLost())
    told = await rig.do("status")
    assert told["devices"]["mic"]["problem"] == "hw:1: gone"
    assert told["light"] == "no microphone"


async def test_the_status_names_the_failure_its_remedy_and_the_next_try(rig: Rig) -> None:
    connection = rig.parts.connection
    network = Failure(FailureKind.NETWORK, "connecting: dns")
    connection.link = step(connection.link, Asked(100.0), LinkPolicy())
    connection.link = step(connection.link, Failed(network, 101.0, 0.0), LinkPolicy())
    rig.now_s = 101.2
    link = (await rig.do("status"))["link"]
    assert link["state"] == "backing_off"
    assert link["problem"] == "The service cannot be reached. (connecting: dns)"
    assert link["remedy"] == network.treatment.remedy
    assert link["problem_since_s"] == 0.2
    assert link["next_try_s"] == pytest.approx(LinkPolicy().first_back_off_s - 0.2)


async def test_the_status_counts_what_the_rings_lost(rig: Rig) -> None:
    rig.reply_ring.write(bytes(1200))
    told = rig.reply_ring.stats().report()
    assert told["overflow"] == "refuse"
    assert told["lost_bytes"] == 200


# --- the light


class StuckSession:
    """Takes all that it is given, of which nothing arrives before the test says so."""

    def __init__(self) -> None:
        self.outstanding_bytes = 4

    async def send_audio(self, pcm: bytes) -> None: ...

    async def start_activity(self) -> None: ...

    async def end_activity(self) -> None: ...

    async def end_stream(self) -> None: ...

    async def send_text(self, text: str) -> None: ...

    async def send_video(self, jpeg: bytes) -> None: ...

    def evidence(self) -> Evidence:
        return Evidence(self.outstanding_bytes, 0)


@pytest.mark.parametrize("end", [StopAsked(), MuteSet(True)])
async def test_the_light_is_on_while_what_was_said_before_can_still_leave(rig: Rig, end: Event) -> None:
    session = StuckSession()
    pump = asyncio.create_task(rig.parts.uplink.pump(session))
    controller = rig.controller
    for event in (TalkPressed(Trigger.COMMAND), SpeechStarted(0)):
        controller.handle(event)
    rig.uplink_ring.write(b"said")
    rig.parts.uplink.wake()
    await asyncio.sleep(0.01)
    controller.handle(end)
    assert light_and_watch(rig) == (True, True)
    session.outstanding_bytes = 0
    await rig.handle_until(UtteranceSent(1))
    assert light_and_watch(rig) == (False, False)
    pump.cancel()


def light_and_watch(rig: Rig) -> tuple[bool, bool]:
    """Whether the light says that audio can leave, and whether it would be noticed that the path is dead."""
    return rig.controller.conditions().mic_streaming, rig.parts.connection.link.busy
