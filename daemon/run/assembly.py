"""The composition root: builds the parts, each from those that were built before it.

With `run/sound.py` the only place that knows concrete classes. Of the devices the button and the lights are
opened here: without a button a voice begins.
"""

from __future__ import annotations

import logging
import os
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from daemon.conductor.accounts import Accounts
from daemon.conductor.budget import DayBudget
from daemon.conductor.button import ButtonInput
from daemon.conductor.controller import Controller
from daemon.conductor.daily import DailyTimes, DayCommand
from daemon.conductor.downlink import Downlink
from daemon.conductor.pairing import PressToPair
from daemon.conductor.parts import Parts
from daemon.conductor.performer import Performer
from daemon.conductor.timers import Timers
from daemon.config.board import open_leds
from daemon.config.settings import Settings
from daemon.control.commands import Commands, Handler
from daemon.control.gateway import GatewayCommands, RemoteTalks
from daemon.control.server import ControlCounters
from daemon.control.status import Reporter
from daemon.dialogue.state import Policy
from daemon.events import ButtonEdge, Event
from daemon.hearing.frontend.known_path import KnownPath
from daemon.lights.lamp import Lamp
from daemon.lights.night import night_from
from daemon.reminders.commands import ReminderCommands
from daemon.reminders.service import Reminders
from daemon.reminders.tools import ReminderTools
from daemon.run.about import About, Saves
from daemon.run.camera import looking, make_eyes
from daemon.run.choices import Choices, Decider, decide
from daemon.run.kept_files import files_to_keep, load_days, load_known_path, load_times, local_day
from daemon.run.sound import SoundPath, make_capture, make_sound
from daemon.run.voices import Voices, make_announcements, make_voices
from daemon.runtime import logs
from daemon.runtime.feed import Feed
from daemon.runtime.keeper import Keeper
from daemon.runtime.mailbox import Mailbox
from daemon.runtime.newest_lines import keep_newest
from daemon.runtime.store import Store, state_folder
from daemon.runtime.supervision import Supervisor
from daemon.session.connection import Connection
from daemon.session.kept_handle import load_handle
from daemon.session.link import LinkPolicy
from daemon.session.uplink import Uplink
from daemon.speaking.announcer import Announcer
from daemon.speaking.volume import VOLUME_FILE, Volume, load_percent
from daemon.tools.kit import ToolKit, build_kit, built_in
from daemon.tools.memory import Memory
from hw.base import MIC_FORMAT, Board, Button, ButtonError

if TYPE_CHECKING:
    from daemon.conductor.agreement import OneAnswers  # loaded where there is a broker only
    from daemon.seeing.eyes import Eyes  # loaded where there is a camera only

log = logging.getLogger(__name__)

Clock = Callable[[], float]
"""Seconds, as `time.monotonic` gives them."""

Post = Callable[[Event], None]
"""Puts an event into the one queue."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conure:
    """The parts of a running daemon. For tests and the live view too."""

    settings: Settings
    board: Board
    button: Button | None
    stand_in: bool
    sound: SoundPath
    parts: Parts
    controller: Controller
    control: ControlCounters
    reporter: Reporter
    commands: Commands
    supervisor: Supervisor
    keeper: Keeper
    tools: ToolKit
    voices: Voices


def build(
    settings: Settings,
    board: Board,
    *,
    stand_in: bool,
    choose: Decider = decide,
    lamp: Lamp | None = None,
    clock: Clock = time.monotonic,
    chance: Callable[[], float] = random.random,
    speed: float = 1.0,
) -> Conure:
    """Build everything, each part from those above it. On the event loop.

    What a part has to tell it posts; none knows who conducts it. `choose`, `lamp` and `chance` (0 to 1) are
    for tests: they take the place of what the settings mean, of the board's lights, and of dice. So is
    `speed`, of a simulated board that makes more than a second of sound in one.
    """
    mailbox: Mailbox[Event] = Mailbox()
    post, from_thread, feed = mailbox.post, mailbox.post_from_thread, Feed()
    kept = _what_is_kept(settings, stand_in=stand_in)
    sound = make_sound(settings, board, from_thread, clock, kept.known_path)
    button, choices = _choose(settings, board, sound, choose, from_thread)
    volume = _volume(settings, board, sound, kept.store, post)
    reminders = Reminders(settings.reminders, kept.book, ring=volume.ring, tell=feed.tell, post=post)
    eyes = make_eyes(settings, board, clock)
    uplink = _uplink(settings, sound, post, clock, speed, eyes)
    tools = _tools(settings, reminders, kept.memory, uplink, feed, post, eyes)
    parts = Parts(
        mailbox=mailbox, playback=sound.playback, uplink=uplink, volume=volume, feed=feed, clock=clock,
        reminders=reminders, accounts=kept.accounts, times=kept.times, tools=tools.host, eyes=eyes,
        capture=make_capture(settings, board, sound, post=from_thread, uplink=uplink, clock=clock),
        connection=_connection(settings, choices.link, uplink, tools, kept.store, mailbox, clock, chance),
        lamp=lamp or Lamp(open_leds(board), clock, night_from(settings.lights)),
        agreement=_agreement(settings, feed, post, clock),
        announcements=make_announcements(settings, kept.voices, kept.said, volume, feed.tell, post, clock),
        pairing=PressToPair(tell=feed.tell, post=post, clock=clock, has_button=button is not None),
    )  # fmt: skip
    controller = _controller(settings, parts, kept.voices, choices.dialogue, echo_free=sound.echo_free)
    keeper, supervisor = _keeper(settings, parts, kept.store), _supervisor(parts, controller, sound)
    about = About(settings, board.name, stand_in=stand_in, clock=clock)
    control, talks = ControlCounters(), RemoteTalks(feed.tell, clock)
    reporter = Reporter(
        reports=(about, controller, parts, sound, tools, talks),
        counts=(parts, controller, control, supervisor, logs, Saves(keeper, reminders, kept.memory), tools),
        looks=(controller.look, parts.look),
    )
    return Conure(
        settings=settings, board=board, button=button, stand_in=stand_in, sound=sound, parts=parts,
        controller=controller, control=control, reporter=reporter, supervisor=supervisor, keeper=keeper,
        tools=tools, commands=_commands(parts, reporter, kept, tools, talks), voices=kept.voices,
    )  # fmt: skip


# --- what outlives the process ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """What was saved by an earlier run, and where. Each store has one user, for one write at a time."""

    store: Store | None
    book: Store | None
    said: Store | None
    voices: Voices
    accounts: Accounts
    times: DailyTimes
    memory: Memory
    known_path: KnownPath


def _what_is_kept(settings: Settings, *, stand_in: bool) -> _Kept:
    store = _open_store(stand_in=stand_in)
    # What a user of the service has asked for outlives a restart, whom it talks to notwithstanding.
    by_hand = stand_in and "STATE_DIRECTORY" not in os.environ
    accounts = Accounts(settings.usage, local_day, load_days(store))
    return _Kept(
        store=store,
        book=_open_store(stand_in=by_hand),
        said=_open_store(stand_in=by_hand),
        voices=make_voices(settings, accounts, stand_in=stand_in),
        accounts=accounts,
        times=DailyTimes(local_day, load_times(store)),
        memory=Memory(_open_store(stand_in=by_hand), enabled=settings.memory.enabled),
        known_path=load_known_path(_open_store(stand_in=by_hand), settings),
    )


def _open_store(*, stand_in: bool) -> Store | None:
    """Where state is kept. Talking to the stand-in costs nothing, and its sessions end with it."""
    folder = None if stand_in else state_folder(os.environ)
    return None if folder is None else Store(folder)


def _keeper(settings: Settings, parts: Parts, store: Store | None) -> Keeper:
    connection = parts.connection
    files = files_to_keep(
        parts.accounts, parts.times, settings.live, lambda: connection.link.handle, clock=parts.clock
    )
    return Keeper(store, {**files, VOLUME_FILE: parts.volume.content})


# --- button and speaker ----------------------------------------------------------------------------


def _open_button(board: Board, post: Post) -> tuple[Button | None, ButtonError | None]:
    """A board whose button cannot be had still answers to commands and, unless forbidden, to a voice."""
    try:
        return board.open_button(lambda pressed, at_s: post(ButtonEdge(pressed, at_s))), None
    except ButtonError as error:
        return None, error


def _choose(
    settings: Settings, board: Board, sound: SoundPath, choose: Decider, post: Post
) -> tuple[Button | None, Choices]:
    """Both policies, and the button, on which they depend."""
    button, fault = _open_button(board, post)
    choices = choose(settings, has_button=button is not None, echo_free=sound.echo_free)
    if fault is not None:
        by_voice = ": speak to begin" if choices.dialogue.voice_trigger else ""
        log.warning("going on without the button%s (%s)", by_voice, fault)
    return button, choices


def _volume(settings: Settings, board: Board, sound: SoundPath, store: Store | None, post: Post) -> Volume:
    return Volume(
        sound.playback,
        settings.sound,
        percent=load_percent(store, settings.sound.volume),
        night=night_from(settings.lights),
        hardware=board.hardware_volume,
        post=post,
    )


# --- to and from the service -----------------------------------------------------------------------


def _uplink(
    settings: Settings, sound: SoundPath, post: Post, clock: Clock, speed: float, eyes: Eyes | None
) -> Uplink:
    shows = {"picture": eyes.due} if eyes is not None and settings.camera.use == "turns" else {}
    return Uplink(
        sound.uplink_ring,
        message_bytes=MIC_FORMAT.bytes(settings.live.uplink_message_ms / 1000),
        preroll_bytes=MIC_FORMAT.bytes(settings.vad.preroll_ms / 1000),
        post=post,
        clock=clock,
        speed=speed,
        **shows,
    )


def _tools(
    settings: Settings,
    reminders: Reminders,
    memory: Memory,
    uplink: Uplink,
    feed: Feed,
    post: Post,
    eyes: Eyes | None,
) -> ToolKit:
    return build_kit(
        settings,
        [*ReminderTools(reminders).all(), *memory.tools(), *looking(settings, eyes, uplink.glance.show)],
        facts=memory.facts_text,
        feed=feed,
        post=post,
        hold_uplink=uplink.hold,
    )


def _connection(
    settings: Settings,
    policy: LinkPolicy,
    uplink: Uplink,
    tools: ToolKit,
    store: Store | None,
    mailbox: Mailbox[Event],
    clock: Clock,
    chance: Callable[[], float],
) -> Connection:
    return Connection(
        uplink,
        tools.host,
        policy=policy,
        post=mailbox.post,
        room=mailbox.room,
        clock=clock,
        jitter=chance,
        handle=load_handle(store, settings.live, life_s=policy.handle_life_s, clock=clock),
    )


def _commands(parts: Parts, reporter: Reporter, kept: _Kept, tools: ToolKit, talks: RemoteTalks) -> Commands:
    """The commands; some tools of the model give them too."""
    handlers = _handlers(parts, kept, tools, talks)
    commands = Commands(parts.mailbox, parts.volume, reporter.snapshot, handlers)
    tools.toolbox.add(built_in(commands.handle))  # these ask for the status, which tells of the tools
    return commands


def _handlers(parts: Parts, kept: _Kept, tools: ToolKit, talks: RemoteTalks) -> dict[str, Handler]:
    """The commands that parts carry out themselves."""
    return {
        "timers": ReminderCommands(parts.reminders).handle,
        "memory": kept.memory.handle,
        "tool": tools.handle,
        "announce": parts.announcements.handle,
        "messages": kept.voices.messages.handle,
        "pair": parts.pairing.handle,
        "talk_notes": talks.handle,
        "days": DayCommand(parts.accounts, parts.times).handle,
        "log": keep_newest(logging.getLogger()).handle_command,
        **({"house": parts.agreement.note_house, "wake": parts.agreement.decide} if parts.agreement else {}),
        **GatewayCommands(tools, parts.accounts).handlers(),
    }


def _agreement(settings: Settings, feed: Feed, post: Post, clock: Clock) -> OneAnswers | None:
    """Only where a broker is named there may be others; else not even the module is loaded."""
    if not settings.mqtt.host:
        return None
    from daemon.conductor.agreement import OneAnswers

    return OneAnswers(feed.tell, post, clock)


# --- what conducts, and what is told ---------------------------------------------------------------


def _controller(
    settings: Settings, parts: Parts, voices: Voices, policy: Policy, *, echo_free: bool
) -> Controller:
    post, sound = parts.mailbox.post, settings.sound
    timers = Timers(post)
    downlink = Downlink(
        parts.playback,
        parts.tools,
        parts.accounts,
        parts.feed,
        streaming=policy.by_server,
        log_transcripts=settings.log.transcripts,
    )
    announcer = Announcer(
        parts.playback,
        parts.clock,
        earcons=sound.earcons,
        spoken=sound.spoken,
        recordings=voices.recordings,
    )
    return Controller(
        parts,
        policy=policy,
        vad=settings.vad,
        downlink=downlink,
        performer=Performer(
            parts, timers, downlink, announcer, DayBudget(parts.accounts), echo_free=echo_free
        ),
        button=ButtonInput(settings.button, parts.clock, post, parts.feed.tell),
        timers=timers,
    )


def _supervisor(parts: Parts, controller: Controller, sound: SoundPath) -> Supervisor:
    """A device that is absent and waited for lives as well as one that works."""
    return Supervisor(
        {
            "capture": lambda: sound.mic.signs_of_life,
            "playback": lambda: sound.speaker.signs_of_life,
        },
        status=partial(_in_words, parts, controller),
        environ=os.environ,
    )


def _in_words(parts: Parts, controller: Controller) -> str:
    """The state, and what is wrong, for `systemctl status`."""
    faults = [parts.capture.mic.error, parts.playback.speaker.error, parts.connection.link.failure]
    return "; ".join([controller.state.phase.value, *(str(fault) for fault in faults if fault)])
