"""The composition root: builds the parts and makes them known to one another.

The only module that knows concrete classes. Of the devices only the lights are opened here.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from daemon.conductor.accounts import Accounts
from daemon.conductor.controller import Controller
from daemon.conductor.ledger import Ledger
from daemon.conductor.parts import Manner, Parts
from daemon.config.board import open_leds
from daemon.config.settings import Settings
from daemon.control.commands import Commands, Handler
from daemon.control.status import Reporter
from daemon.dialogue.state import Policy, TurnTaking
from daemon.events import Event, ToolsChanged
from daemon.hearing.capture import Capture
from daemon.hearing.endpointing import SpeechDetector
from daemon.hearing.frontend.front_end import FrontEnd
from daemon.hearing.frontend.making import make_front_end
from daemon.hearing.own_sound import OwnSound
from daemon.hearing.vad import judge_from
from daemon.hearing.wake import make_wake_words
from daemon.lights.lamp import Lamp
from daemon.lights.night import night_from
from daemon.reminders.commands import ReminderCommands
from daemon.reminders.service import Outside, Reminders
from daemon.reminders.tools import ReminderTools
from daemon.run.kept_files import files_to_keep, load_days, local_day
from daemon.runtime.feed import Feed
from daemon.runtime.keeper import Keeper
from daemon.runtime.mailbox import Mailbox
from daemon.runtime.patience import Patience
from daemon.runtime.ring import FifoRing, HistoryRing
from daemon.runtime.store import Store, state_folder
from daemon.runtime.supervision import Supervisor, under_service_manager
from daemon.session.connection import Connection
from daemon.session.kept_handle import load_handle
from daemon.session.link import LinkPolicy
from daemon.session.uplink import Uplink
from daemon.speaking.playback import Playback
from daemon.speaking.volume import VOLUME_FILE, Volume, load_percent
from daemon.tools.calling.host import ToolHost
from daemon.tools.kit import ToolKit, build_kit
from daemon.tools.memory import Memory
from hw.base import MIC_FORMAT, SPEAKER_FORMAT, Board, Mic, Speaker

T = TypeVar("T")

KEEP_BEYOND_S = 5.0
"""What the uplink ring holds beyond the longest utterance and its pre-roll, so that the end of one is
still there while the next begins."""


@dataclass(slots=True)
class Daemon:
    """The parts of a running daemon. For tests and the live view too."""

    settings: Settings
    board: Board
    parts: Parts
    controller: Controller
    reporter: Reporter
    commands: Commands
    volume: Volume
    supervisor: Supervisor
    keeper: Keeper
    memory: Memory
    tools: ToolKit


def policy_from(settings: Settings, board: Board, *, cancels_echo: bool = False) -> Policy:
    """The dialogue's policy: the configuration, with `auto` decided by the board and the front end."""
    trigger, vad = settings.trigger, settings.vad
    return Policy(
        turn_taking=TurnTaking(settings.live.turn_taking),
        voice_trigger=_decide(trigger.voice, auto=not board.has_button and not settings.wake.words),
        barge_in=_decide(trigger.barge_in, auto=board.echo_free or cancels_echo),
        follow_up_s=trigger.follow_up_s,
        no_speech_s=vad.no_speech_s,
        max_utterance_s=vad.max_utterance_s,
        answer_timeout_s=settings.live.answer_timeout_s,
        ask_to_go_on=settings.live.ask_to_go_on,
        hold_utterance_s=settings.live.hold_utterance_s,
        wake_earcon=settings.wake.earcon,
    )


def _decide(word: str, *, auto: bool) -> bool:
    return auto if word == "auto" else word == "on"


def build(settings: Settings, board: Board, *, stand_in: bool) -> Daemon:
    """Build everything. On the event loop."""
    clock = time.monotonic
    mailbox: Mailbox[Event] = Mailbox()
    feed = Feed()
    kept = _what_is_kept(settings, stand_in=stand_in)
    sound = _sound(settings, board, mailbox)
    # What is made first calls what is made last by its name, which is bound before anything runs.
    uplink = _uplink(settings, sound.uplink_ring, mailbox, lambda *piece: controller.note_sent(*piece))
    tools = build_kit(
        settings,
        [*ReminderTools(kept.reminders).all(), *kept.memory.tools()],
        ask=lambda command, args: commands.handle(command, args),
        facts=kept.memory.facts_text,
        feed=feed,
        on_change=lambda: mailbox.post(ToolsChanged()),
        hold_uplink=uplink.hold,
        renew=lambda: connection.renew_at_pause(),
    )
    connection = _connection(settings, uplink, tools.host, mailbox, kept.store, lambda: controller.show())
    parts = Parts(
        mailbox, _capture(settings, board, sound, mailbox, uplink), sound.playback, uplink, connection,
        _lamp(settings, board), Ledger(), feed, kept.accounts, kept.reminders, tools.host,
    )  # fmt: skip
    controller = Controller(parts, _manner(settings, board, sound.front_end), clock)
    volume = _volume(settings, board, sound.playback, kept.store)
    volume.on_set = lambda share: parts.lamp.show_volume(share)
    kept.reminders.outside = Outside(volume.ring, controller.show, feed.tell)
    files = files_to_keep(kept.accounts, settings.live, lambda: connection.link.handle, clock=clock)
    keeper = Keeper(kept.store, {**files, VOLUME_FILE: volume.content})
    reporter = Reporter(
        parts, controller, sound.uplink_ring, sound.reply_ring, settings, board.name, stand_in,
        clock, clock(), volume=volume.report, hardware_volume=board.hardware_volume, tools=tools,
        state_saves_failed=lambda: keeper.failures + kept.save_failures(),
        manager_messages_dropped=lambda: supervisor.dropped,
    )  # fmt: skip
    commands = Commands(mailbox, volume, reporter.snapshot, kept.commands() | {"tool": tools.handle})
    supervisor = _supervisor(parts, controller, sound)
    return Daemon(
        settings, board, parts, controller, reporter, commands, volume, supervisor, keeper, kept.memory, tools
    )


# --- what outlives the process ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Kept:
    """What was saved by an earlier run, and will be by this one."""

    store: Store | None
    accounts: Accounts
    reminders: Reminders
    memory: Memory

    def commands(self) -> dict[str, Handler]:
        """Those of the control socket that ask for it."""
        return {"timers": ReminderCommands(self.reminders).handle, "memory": self.memory.handle}

    def save_failures(self) -> int:
        """Writes that failed, the keeper's aside."""
        return self.reminders.save_failures + self.memory.save_failures


def _what_is_kept(settings: Settings, *, stand_in: bool) -> _Kept:
    store = _open_store(stand_in=stand_in)
    # What a user of the service has asked for outlives a restart, whom it talks to notwithstanding.
    by_hand = stand_in and "STATE_DIRECTORY" not in os.environ
    return _Kept(
        store,
        Accounts(settings.usage, local_day, load_days(store)),
        Reminders(settings.reminders, _open_store(stand_in=by_hand)),
        Memory(_open_store(stand_in=by_hand), enabled=settings.memory.enabled),
    )


def _open_store(*, stand_in: bool) -> Store | None:
    """Where state is kept. Talking to the stand-in costs nothing, and its sessions end with it.

    A store of one's own, since one thing at a time may use it.
    """
    folder = None if stand_in else state_folder(os.environ)
    return None if folder is None else Store(folder)


# --- microphone and speaker ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Sound:
    """Both devices, what stands between them and the rings, and the rings."""

    mic: Patience[Mic]
    speaker: Patience[Speaker]
    uplink_ring: HistoryRing
    reply_ring: FifoRing
    front_end: FrontEnd
    playback: Playback


def _sound(settings: Settings, board: Board, mailbox: Mailbox[Event]) -> _Sound:
    vad = settings.vad
    held_s = vad.max_utterance_s + vad.preroll_ms / 1000 + KEEP_BEYOND_S
    uplink_ring = HistoryRing(MIC_FORMAT.bytes(held_s))
    reply_ring = FifoRing(SPEAKER_FORMAT.bytes(settings.sound.reply_buffer_s))
    mic, speaker = _patience(board.open_mic, settings), _patience(board.open_speaker, settings)
    front_end = make_front_end(settings.frontend, echo_free=board.echo_free)
    playback = Playback(
        speaker.open,
        reply_ring,
        post=mailbox.post_from_thread,
        pauses_s=speaker.pauses_s,
        listener=front_end.far_end,
    )
    return _Sound(mic, speaker, uplink_ring, reply_ring, front_end, playback)


def _patience(open_device: Callable[[], T], settings: Settings) -> Patience[T]:
    service = under_service_manager(os.environ)
    return Patience(open_device, retry_s=settings.board.retry_s, service=service)


def _capture(
    settings: Settings, board: Board, sound: _Sound, mailbox: Mailbox[Event], uplink: Uplink
) -> Capture:
    vad, trigger = settings.vad, settings.trigger
    front_end = sound.front_end
    loop = asyncio.get_running_loop()

    def wake_uplink() -> None:
        loop.call_soon_threadsafe(uplink.wake)

    return Capture(
        sound.mic.open,
        sound.uplink_ring,
        SpeechDetector(vad, judge_from(vad)),
        post=mailbox.post_from_thread,
        wake_uplink=wake_uplink,
        own_sound=OwnSound(
            sound.playback,
            front_end,
            echo_free=board.echo_free,
            barge_in=trigger.barge_in,
            clock=time.monotonic,
        ),
        pauses_s=sound.mic.pauses_s,
        min_speech_ms=vad.min_speech_ms,
        front_end=front_end,
        wake_words=make_wake_words(settings.wake),
        silent_after_s=settings.board.silent_mic_s,
    )


def _volume(settings: Settings, board: Board, playback: Playback, store: Store | None) -> Volume:
    return Volume(
        playback,
        settings.sound,
        percent=load_percent(store, settings.sound.volume),
        night=night_from(settings.lights),
        hardware=board.hardware_volume,
    )


# --- to and from the service -----------------------------------------------------------------------


def _uplink(
    settings: Settings,
    ring: HistoryRing,
    mailbox: Mailbox[Event],
    note_sent: Callable[[int, int, int], None],
) -> Uplink:
    return Uplink(
        ring,
        message_bytes=MIC_FORMAT.bytes(settings.live.uplink_message_ms / 1000),
        preroll_bytes=MIC_FORMAT.bytes(settings.vad.preroll_ms / 1000),
        post=mailbox.post,
        on_audio=note_sent,
    )


def _connection(
    settings: Settings,
    uplink: Uplink,
    tools: ToolHost,
    mailbox: Mailbox[Event],
    store: Store | None,
    on_change: Callable[[], None],
) -> Connection:
    live, clock = settings.live, time.monotonic
    policy = LinkPolicy(idle_close_s=live.idle_close_s, max_age_s=live.max_age_s)
    return Connection(
        uplink,
        tools,
        policy=policy,
        post=mailbox.post,
        on_change=on_change,
        clock=clock,
        jitter=random.random,
        handle=load_handle(store, live, life_s=policy.handle_life_s, clock=clock),
    )


# --- how it behaves, and whether it lives ----------------------------------------------------------


def _manner(settings: Settings, board: Board, front_end: FrontEnd) -> Manner:
    vad = settings.vad
    return Manner(
        policy=policy_from(settings, board, cancels_echo=front_end.cancels),
        button=settings.button,
        min_speech_ms=vad.min_speech_ms,
        barge_in_speech_ms=vad.barge_in_speech_ms,
        earcons=settings.sound.earcons,
        spoken=settings.sound.spoken,
        speak_reminders=settings.reminders.speak,
        log_transcripts=settings.log.transcripts,
        echo_free=board.echo_free or front_end.cancels,
    )


def _lamp(settings: Settings, board: Board) -> Lamp:
    return Lamp(open_leds(board), time.monotonic, night_from(settings.lights))


def _supervisor(parts: Parts, controller: Controller, sound: _Sound) -> Supervisor:
    """A device that is absent and waited for lives as well as one that works."""
    return Supervisor(
        {
            "capture": lambda: parts.capture.progress + sound.mic.absences,
            "playback": lambda: parts.playback.progress + sound.speaker.absences,
        },
        status=partial(_in_words, parts, controller),
        environ=os.environ,
    )


def _in_words(parts: Parts, controller: Controller) -> str:
    """The state, and what is wrong, for `systemctl status`."""
    faults = [parts.capture.error, parts.playback.error, parts.connection.link.failure]
    return "; ".join([controller.state.phase.value, *(str(fault) for fault in faults if fault)])
