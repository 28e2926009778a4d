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
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from ssl import SSLContext
from typing import TypeVar

from daemon import routes
from daemon.board_choice import open_leds
from daemon.button_input import ButtonEdge
from daemon.capture import Capture
from daemon.commands import Commands
from daemon.connection import Connection, Dialler
from daemon.control import ControlServer
from daemon.controller import Controller
from daemon.dialogue import Policy
from daemon.endpointing import SpeechDetector
from daemon.errors import ConfigError
from daemon.feed import Feed
from daemon.frontend import FrontEnd, make_front_end
from daemon.keeper import Keeper, files_to_keep, load_days, load_handle, local_day
from daemon.lamp import Lamp
from daemon.ledger import Ledger
from daemon.link import LinkPolicy
from daemon.mailbox import Mailbox
from daemon.memory import Memory
from daemon.night import night_from
from daemon.parts import Event, Manner, Parts
from daemon.patience import Patience
from daemon.playback import Playback
from daemon.reminders.commands import ReminderCommands
from daemon.reminders.service import Outside, Reminders
from daemon.reminders.tools import ReminderTools
from daemon.ring import FifoRing, HistoryRing
from daemon.secret import Secret
from daemon.settings import Settings
from daemon.status import Reporter
from daemon.store import Store, state_folder
from daemon.supervision import Supervisor, under_service_manager
from daemon.threads import DeviceThread
from daemon.tools.declared import Equipment
from daemon.tools.host import ToolsChanged
from daemon.tools.kit import ToolKit, build_kit
from daemon.uplink import Uplink
from daemon.usage import Accounts
from daemon.vad import judge_from
from daemon.volume import VOLUME_FILE, Volume, load_percent
from daemon.wake import make_wake_words
from hw.base import MIC_FORMAT, SPEAKER_FORMAT, Board, ButtonError, Mic, Speaker

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
    memory: Memory
    tools: ToolKit


def policy_from(settings: Settings, board: Board, *, cancels_echo: bool = False) -> Policy:
    """The dialogue's policy: the configuration, with `auto` decided by the board and the front end."""
    trigger, vad = settings.trigger, settings.vad
    return Policy(
        streaming=settings.live.turn_taking == "server",
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
    """Build everything that needs no device yet. On the event loop."""
    clock = time.monotonic
    front_end = make_front_end(settings.frontend, echo_free=board.echo_free)
    policy = policy_from(settings, board, cancels_echo=front_end.cancels)
    mailbox: Mailbox[Event] = Mailbox()
    vad = settings.vad
    uplink_ring, reply_ring = _rings(settings)
    mic, speaker = _patience(board.open_mic, settings), _patience(board.open_speaker, settings)
    playback = Playback(
        speaker.open,
        reply_ring,
        post=mailbox.post_from_thread,
        pauses_s=speaker.pauses_s,
        listener=front_end.far_end,
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
    # What a user of the service has asked for outlives a restart, whom it talks to notwithstanding.
    by_hand = stand_in and "STATE_DIRECTORY" not in os.environ
    reminders = Reminders(settings.reminders, _open_store(stand_in=by_hand))
    memory = Memory(_open_store(stand_in=by_hand), enabled=settings.memory.enabled)
    feed = Feed()
    tools = build_kit(
        settings,
        [*ReminderTools(reminders).all(), *memory.tools()],
        ask=lambda command, args: commands.handle(command, args),
        facts=memory.facts_text,
        feed=feed,
        on_change=lambda: mailbox.post(ToolsChanged()),
        hold_uplink=uplink.hold,
        renew=lambda: connection.renew_at_pause(),
    )
    connection = Connection(
        uplink,
        tools.host,
        policy=link_policy,
        post=mailbox.post,
        on_change=lambda: controller.show(),
        clock=clock,
        jitter=random.random,
        handle=load_handle(store, settings.live, life_s=link_policy.handle_life_s, clock=clock),
    )
    capture = Capture(
        mic.open,
        uplink_ring,
        SpeechDetector(vad, judge_from(vad)),
        post=mailbox.post_from_thread,
        wake_uplink=wake_uplink,
        own_sound=_own_sound(playback, board, front_end, settings.trigger.barge_in),
        pauses_s=mic.pauses_s,
        min_speech_ms=vad.min_speech_ms,
        front_end=front_end,
        wake_words=make_wake_words(settings.wake),
        silent_after_s=settings.board.silent_mic_s,
    )
    parts = Parts(
        mailbox, capture, playback, uplink, connection, _lamp(settings, board), Ledger(), feed,
        accounts, reminders, tools.host,
    )  # fmt: skip
    echo_free = board.echo_free or front_end.cancels
    controller = Controller(parts, _manner(settings, policy, echo_free=echo_free), clock)
    volume = Volume(
        playback,
        settings.sound,
        percent=load_percent(store, settings.sound.volume),
        night=night_from(settings.lights),
        hardware=board.hardware_volume,
    )
    reminders.outside = Outside(volume.ring, controller.show, parts.feed.tell)
    files = files_to_keep(accounts, settings.live, lambda: connection.link.handle, clock=clock)
    keeper = Keeper(store, {**files, VOLUME_FILE: volume.content})
    reporter = Reporter(
        parts, controller, uplink_ring, reply_ring, settings, board.name, stand_in, clock, clock(),
        volume=volume.report, hardware_volume=board.hardware_volume, tools=tools,
        state_saves_failed=lambda: keeper.failures + reminders.save_failures + memory.save_failures,
    )  # fmt: skip
    more = {"timers": ReminderCommands(reminders).handle, "memory": memory.handle, "tool": tools.handle}
    commands = Commands(mailbox, volume, reporter.snapshot, more)
    supervisor = _supervisor(parts, controller, mic, speaker)
    return Daemon(
        settings, board, parts, controller, reporter, commands, volume, supervisor, keeper, memory, tools
    )


def _lamp(settings: Settings, board: Board) -> Lamp:
    return Lamp(open_leds(board), time.monotonic, night_from(settings.lights))


def _rings(settings: Settings) -> tuple[HistoryRing, FifoRing]:
    vad = settings.vad
    held_s = vad.max_utterance_s + vad.preroll_ms / 1000 + KEEP_BEYOND_S
    reply_bytes = SPEAKER_FORMAT.bytes(settings.sound.reply_buffer_s)
    return HistoryRing(MIC_FORMAT.bytes(held_s)), FifoRing(reply_bytes)


def _own_sound(playback: Playback, board: Board, front_end: FrontEnd, barge_in: str) -> partial[bool]:
    """`barge_in` as configured: what `auto` means changes when the front end has to give up."""
    return partial(_hears_itself, playback, front_end, echo_free=board.echo_free, barge_in=barge_in)


def _supervisor(
    parts: Parts, controller: Controller, mic: Patience[Mic], speaker: Patience[Speaker]
) -> Supervisor:
    """A device that is absent and waited for lives as well as one that works."""
    return Supervisor(
        {
            "capture": lambda: parts.capture.progress + mic.absences,
            "playback": lambda: parts.playback.progress + speaker.absences,
        },
        status=partial(_in_words, parts, controller),
        environ=os.environ,
    )


def _in_words(parts: Parts, controller: Controller) -> str:
    """The state, and what is wrong, for `systemctl status`."""
    faults = [parts.capture.error, parts.playback.error, parts.connection.link.failure]
    return "; ".join([controller.state.phase.value, *(str(fault) for fault in faults if fault)])


def _open_store(*, stand_in: bool) -> Store | None:
    """Where state is kept. Talking to the stand-in costs nothing, and its sessions end with it.

    A store of one's own, since one thing at a time may use it.
    """
    folder = None if stand_in else state_folder(os.environ)
    return None if folder is None else Store(folder)


def _patience(open_device: Callable[[], T], settings: Settings) -> Patience[T]:
    service = under_service_manager(os.environ)
    return Patience(open_device, retry_s=settings.board.retry_s, service=service)


def _manner(settings: Settings, policy: Policy, *, echo_free: bool) -> Manner:
    vad = settings.vad
    return Manner(
        policy=policy,
        button=settings.button,
        min_speech_ms=vad.min_speech_ms,
        barge_in_speech_ms=vad.barge_in_speech_ms,
        earcons=settings.sound.earcons,
        spoken=settings.sound.spoken,
        speak_reminders=settings.reminders.speak,
        log_transcripts=settings.log.transcripts,
        echo_free=echo_free,
    )


def _hears_itself(playback: Playback, front_end: FrontEnd, *, echo_free: bool, barge_in: str) -> bool:
    """Whether what is heard now may be the device itself, and is to be passed over. Capture thread."""
    now_s = time.monotonic()
    echo_free = echo_free or front_end.cancels
    if not echo_free and now_s < playback.clip_until_s + EARCON_TAIL_S:
        return True
    half_duplex = not _decide(barge_in, auto=echo_free)
    return half_duplex and now_s < playback.audible_until_s + ECHO_TAIL_S


# --- running ---------------------------------------------------------------------------------------

Dial = Callable[[Equipment], Awaitable[Dialler]]
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
        "volume": daemon.volume.run(),
        "keeper": daemon.keeper.run(),
        "reminders": parts.reminders.run(),
        "routes": routes.watch(parts.connection.network_back),
        "tools": parts.tools.run(),
    }
    for name, job in jobs.items():
        tasks.create_task(job, name=name)


async def _keep_link(daemon: Daemon, dial: Dial) -> None:
    dialler, _ = await asyncio.gather(dial(daemon.tools.equipment), daemon.tools.toolbox.load())
    daemon.parts.connection.ask()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(daemon.tools.toolbox.run_servers(), name="MCP servers")
        tasks.create_task(daemon.parts.connection.run(dialler), name="connection")


def _open_button(daemon: Daemon, stack: contextlib.AsyncExitStack) -> None:
    """A board whose button cannot be had still answers to commands and, unless forbidden, to a voice."""
    post = daemon.parts.mailbox.post_from_thread
    try:
        button = daemon.board.open_button(lambda pressed, at_s: post(ButtonEdge(pressed, at_s)))
    except ButtonError as error:
        controller = daemon.controller
        if daemon.settings.trigger.voice == "auto" and not daemon.settings.wake.words:
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
    settings: Settings,
    api_key: Secret,
    base_url: str,
    trust: SSLContext | None,
    equipment: Equipment | None = None,
) -> Dialler:
    """Import the service's library aside, since that takes longer than the start may, and make a client."""

    def load() -> Dialler:
        live = importlib.import_module("daemon.live")
        client: Dialler = live.LiveClient(
            settings.live, api_key, base_url=base_url or None, trust=trust, equipment=equipment
        )
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
