"""The composition root: builds the parts, runs them as one, and takes them down in order.

The only module that knows concrete classes. Order of the start: lights, microphone, speaker, READY; only
then the service's library is imported (it takes longer than all the rest) and the link comes up. Order of
the end: the tasks, which close the link and stop the threads; each thread closes its device; then lights
and board.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import logging
import os
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from ssl import SSLContext
from typing import TypeVar

from daemon import routes
from daemon.board_choice import open_leds
from daemon.button_input import ButtonEdge
from daemon.capture import Capture
from daemon.commands import Commands, Volume
from daemon.connection import Connection, Dialler
from daemon.control import ControlServer
from daemon.controller import Controller, Event, Manner, Parts
from daemon.dialogue import Policy
from daemon.endpointing import SpeechDetector
from daemon.errors import ConfigError
from daemon.feed import Feed
from daemon.keeper import Keeper, files_to_keep, load_days, load_handle, local_day
from daemon.lamp import Lamp
from daemon.ledger import Ledger
from daemon.link import LinkPolicy
from daemon.mailbox import Mailbox
from daemon.playback import Playback
from daemon.retry import device_pauses_s
from daemon.ring import FifoRing, HistoryRing
from daemon.secret import Secret
from daemon.settings import Settings
from daemon.status import Reporter
from daemon.store import Store, state_folder
from daemon.supervision import Supervisor, notify
from daemon.threads import DeviceThread
from daemon.uplink import Uplink
from daemon.usage import Accounts
from daemon.vad import make_is_voiced
from hw.base import MIC_FORMAT, SPEAKER_FORMAT, Board, ButtonError, DeviceError

log = logging.getLogger(__name__)

T = TypeVar("T")

EARCON_TAIL_S = 0.15
"""After an earcon the microphone hears the room for a while; its own tone is no speech."""

ECHO_TAIL_S = 0.35
"""The same after a reply, where the microphone hears the speaker (autonomous-os PR #423)."""

KEEP_BEYOND_S = 5.0
"""What the uplink ring holds beyond the longest utterance and its pre-roll, so that the end of one is
still there while the next begins."""

STAND_IN_KEY = Secret("stand-in")
"""The stand-in takes any key."""


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


def policy_from(settings: Settings, board: Board) -> Policy:
    """The dialogue's policy: the configuration, with `auto` decided by the board."""
    trigger, vad = settings.trigger, settings.vad
    return Policy(
        streaming=settings.live.turn_taking == "server",
        voice_trigger=_decide(trigger.voice, auto=not board.has_button),
        barge_in=_decide(trigger.barge_in, auto=board.echo_free),
        follow_up_s=trigger.follow_up_s,
        no_speech_s=vad.no_speech_s,
        max_utterance_s=vad.max_utterance_s,
        answer_timeout_s=settings.live.answer_timeout_s,
        ask_to_go_on=settings.live.ask_to_go_on,
        hold_utterance_s=settings.live.hold_utterance_s,
    )


def _decide(word: str, *, auto: bool) -> bool:
    return auto if word == "auto" else word == "on"


def build(settings: Settings, board: Board, *, stand_in: bool) -> Daemon:
    """Build everything that needs no device yet. On the event loop."""
    clock = time.monotonic
    policy = policy_from(settings, board)
    mailbox: Mailbox[Event] = Mailbox()
    vad = settings.vad
    uplink_ring, reply_ring = _rings(settings)
    playback = Playback(
        _named_rightly(board.open_speaker),
        reply_ring,
        post=mailbox.post_from_thread,
        pauses_s=_pauses(settings),
    )
    loop = asyncio.get_running_loop()

    def wake_uplink() -> None:
        loop.call_soon_threadsafe(uplink.wake)

    def note_sent(turn: int, first_byte: int, last_byte: int) -> None:
        controller.note_sent(turn, first_byte, last_byte)

    uplink = Uplink(
        uplink_ring,
        message_bytes=MIC_FORMAT.bytes(settings.live.uplink_message_ms / 1000),
        preroll_bytes=MIC_FORMAT.bytes(vad.preroll_ms / 1000),
        post=mailbox.post,
        on_audio=note_sent,
    )
    link_policy = LinkPolicy(idle_close_s=settings.live.idle_close_s, max_age_s=settings.live.max_age_s)
    store = _open_store(stand_in=stand_in)
    accounts = Accounts(settings.usage, local_day, load_days(store))
    connection = Connection(
        uplink,
        policy=link_policy,
        post=mailbox.post,
        on_change=lambda: controller.show(),
        clock=clock,
        jitter=random.random,
        handle=load_handle(store, settings.live, life_s=link_policy.handle_life_s, clock=clock),
    )
    capture = Capture(
        _named_rightly(board.open_mic),
        uplink_ring,
        SpeechDetector(vad, make_is_voiced(vad.aggressiveness)),
        post=mailbox.post_from_thread,
        wake_uplink=wake_uplink,
        own_sound=_own_sound(playback, board, policy),
        pauses_s=_pauses(settings),
        min_speech_ms=vad.min_speech_ms,
    )
    parts = Parts(
        mailbox, capture, playback, uplink, connection, Lamp(open_leds(board), clock), Ledger(), Feed(),
        accounts,
    )  # fmt: skip
    controller = Controller(parts, _manner(settings, policy, echo_free=board.echo_free), clock)
    keeper = Keeper(
        store, files_to_keep(accounts, settings.live, lambda: connection.link.handle, clock=clock)
    )
    volume = Volume(playback, settings.sound.volume)
    reporter = Reporter(
        parts, controller, uplink_ring, reply_ring, settings, board.name, stand_in, clock, clock(),
        volume=lambda: volume.percent, state_saves_failed=lambda: keeper.failures,
    )  # fmt: skip
    commands = Commands(mailbox, volume, reporter.snapshot)
    supervisor = _supervisor(parts, controller)
    return Daemon(settings, board, parts, controller, reporter, commands, volume, supervisor, keeper)


def _rings(settings: Settings) -> tuple[HistoryRing, FifoRing]:
    vad = settings.vad
    held_s = vad.max_utterance_s + vad.preroll_ms / 1000 + KEEP_BEYOND_S
    reply_bytes = SPEAKER_FORMAT.bytes(settings.sound.reply_buffer_s)
    return HistoryRing(MIC_FORMAT.bytes(held_s)), FifoRing(reply_bytes)


def _own_sound(playback: Playback, board: Board, policy: Policy) -> partial[bool]:
    half_duplex = not policy.barge_in
    return partial(_hears_itself, playback, echo_free=board.echo_free, half_duplex=half_duplex)


def _supervisor(parts: Parts, controller: Controller) -> Supervisor:
    return Supervisor(
        {"capture": lambda: parts.capture.progress, "playback": lambda: parts.playback.progress},
        status=lambda: controller.state.phase.value,
        environ=os.environ,
    )


def _open_store(*, stand_in: bool) -> Store | None:
    """Where state is kept. Talking to the stand-in costs nothing, and its sessions end with it."""
    folder = None if stand_in else state_folder(os.environ)
    return None if folder is None else Store(folder)


def _named_rightly(open_device: Callable[[], T]) -> Callable[[], T]:
    """`open_device`, which at a start by hand takes an absent device for a wrong name, and not for patience.

    Under a service manager nobody looks: there the device may be one that is plugged in later.
    """
    opened = "NOTIFY_SOCKET" in os.environ

    def open_it() -> T:
        nonlocal opened
        try:
            device = open_device()
        except DeviceError as error:
            error.permanent = error.permanent or (error.absent and not opened)
            raise
        opened = True
        return device

    return open_it


def _pauses(settings: Settings) -> partial[Iterator[float]]:
    return partial(device_pauses_s, settings.board.retry_s)


def _manner(settings: Settings, policy: Policy, *, echo_free: bool) -> Manner:
    vad = settings.vad
    return Manner(
        policy=policy,
        button=settings.button,
        min_speech_ms=vad.min_speech_ms,
        barge_in_speech_ms=vad.barge_in_speech_ms,
        earcons=settings.sound.earcons,
        spoken=settings.sound.spoken,
        log_transcripts=settings.log.transcripts,
        echo_free=echo_free,
    )


def _hears_itself(playback: Playback, *, echo_free: bool, half_duplex: bool) -> bool:
    """Whether what the microphone hears now may be the device itself. Capture thread."""
    now_s = time.monotonic()
    if not echo_free and now_s < playback.clip_until_s + EARCON_TAIL_S:
        return True
    return half_duplex and now_s < playback.audible_until_s + ECHO_TAIL_S


# --- running ---------------------------------------------------------------------------------------

Dial = Callable[[], Awaitable[Dialler]]
"""Makes the client; called after READY, since it imports the service's library."""


class _Ended(Exception):
    """The body is done: ends the task group."""


@contextlib.asynccontextmanager
async def running(daemon: Daemon, dial: Dial, *, control: Path | None = None) -> AsyncIterator[None]:
    """Run the daemon for as long as the body runs; the body begins at READY.

    Raises what ended a part: DeviceError, ZombieThread, AlreadyRunning, or a bug.
    """
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(daemon.board.close)
        stack.callback(daemon.parts.lamp.close)
        if control is not None:
            feed = daemon.parts.feed
            await stack.enter_async_context(ControlServer(control, daemon.commands.handle, feed.watch))
        _open_button(daemon, stack)
        try:
            async with asyncio.TaskGroup() as tasks:
                _start(daemon, tasks)
                await daemon.supervisor.ready()
                tasks.create_task(_keep_link(daemon, dial), name="link")
                yield
                notify("STOPPING=1")
                raise _Ended
        except BaseExceptionGroup as group:
            cause = _first_cause(group)
            if not isinstance(cause, _Ended):
                raise cause from group


def _start(daemon: Daemon, tasks: asyncio.TaskGroup) -> None:
    parts = daemon.parts
    jobs = {
        "capture": DeviceThread("capture", parts.capture.run).run(),
        "playback": DeviceThread("playback", parts.playback.run, parts.playback.wake).run(),
        "controller": daemon.controller.run(),
        "lights": parts.lamp.run(daemon.controller.conditions),
        "supervisor": daemon.supervisor.run(),
        "keeper": daemon.keeper.run(),
        "routes": routes.watch(parts.connection.network_back),
    }
    for name, job in jobs.items():
        tasks.create_task(job, name=name)


async def _keep_link(daemon: Daemon, dial: Dial) -> None:
    dialler = await dial()
    daemon.parts.connection.ask()
    await daemon.parts.connection.run(dialler)


def _open_button(daemon: Daemon, stack: contextlib.AsyncExitStack) -> None:
    """A board whose button cannot be had still answers to commands and, unless forbidden, to a voice."""
    post = daemon.parts.mailbox.post_from_thread
    try:
        button = daemon.board.open_button(lambda pressed, at_s: post(ButtonEdge(pressed, at_s)))
    except ButtonError as error:
        controller = daemon.controller
        if daemon.settings.trigger.voice == "auto":
            controller.policy = replace(controller.policy, voice_trigger=True)
        by_voice = ": speak to begin" if controller.policy.voice_trigger else ""
        log.warning("going on without the button%s (%s)", by_voice, error)
        return
    if button is not None:
        stack.callback(button.close)


def _first_cause(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The exception that matters of those that ended the tasks; our own end matters least."""
    causes = [
        _first_cause(error) if isinstance(error, BaseExceptionGroup) else error for error in group.exceptions
    ]
    return next((cause for cause in causes if not isinstance(cause, _Ended)), causes[0])


async def _load_client(
    settings: Settings, api_key: Secret, base_url: str, trust: SSLContext | None
) -> Dialler:
    """Import the service's library aside, since that takes longer than the start may, and make a client."""

    def load() -> Dialler:
        live = importlib.import_module("daemon.live")
        client: Dialler = live.LiveClient(settings.live, api_key, base_url=base_url or None, trust=trust)
        return client

    try:
        return await asyncio.to_thread(load)
    except ImportError as error:
        # Its text may hold the proxy's password.
        words = "a SOCKS proxy is set in the environment (ALL_PROXY), which cannot be used: unset it"
        raise ConfigError([words]) from error


@contextlib.asynccontextmanager
async def service(settings: Settings, api_key: Secret | None, base_url: str) -> AsyncIterator[Dial]:
    """How to reach the service: with a key Google's (or `base_url`), without one the stand-in, in here."""
    if api_key is not None:
        yield partial(_load_client, settings, api_key, base_url, None)
        return
    standin = await asyncio.to_thread(importlib.import_module, "daemon.standin")
    async with standin.StandIn() as server:
        yield partial(_load_client, settings, STAND_IN_KEY, server.base_url, server.client_ssl_context())
