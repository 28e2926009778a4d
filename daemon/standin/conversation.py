"""One connection after its set-up: whose turn it is, what is answered, what is refused. Event loop only."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from daemon.standin import faults, messages
from daemon.standin.actions import When
from daemon.standin.hearing import LOW_SENSITIVITY_DBFS, SPEECH_DBFS, Ear, Heard
from daemon.standin.plan import PlanRun
from daemon.standin.protocol import INTERNAL, POLICY, ClientMessage, Refusal, audio_rate_hz, invalid, parse
from daemon.standin.record import AudioMessage, ConnectionRecord, Record, TurnRecord
from daemon.standin.reply import Reply
from daemon.standin.sessions import Session, Sessions
from daemon.standin.setups import Setup
from daemon.standin.voices import Voice
from daemon.standin.wire import Wire, WireEnded

LEAD_IN_S = 0.3
"""Audio from before detected speech that belongs to its turn, in automatic mode."""

TASK_LIMIT = 16
"""Replies (with NO_INTERRUPTION they queue) and timers of one connection; beyond it closes with 1011."""

CANCELLED_LIMIT = 64
"""Cancelled tool calls that are remembered, so that a late answer is not taken for an unknown one."""

LATE_ANSWER_S = 0.5
"""An answer to a cancelled call may have been on its way; later than this it was not."""

IDLE_TICK_S = 0.05


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast the server is."""

    thinking_s: float = 0.15
    """From the end of a turn to the first message of the reply."""
    message_s: float = 0.2
    """Audio in one message; the service sends 200 to 240 ms."""
    speed: float = 8.0
    """How much faster than real time a reply is sent."""
    playout: float = 1.0
    """`turnComplete` waits for this share of the reply's length, counted from its first message."""


@dataclass(frozen=True, slots=True)
class Transcripts:
    """The made-up texts of transcriptions; `{seconds:.1f}` is how much was heard."""

    user: str = "({seconds:.1f} s of speech)"
    model: str = "(echo of {seconds:.1f} s)"

    def said(self, seconds: float) -> str:
        """What the user is said to have said."""
        return self.user.format(seconds=seconds)

    def answered(self, seconds: float) -> str:
        """What the model is said to have said."""
        return self.model.format(seconds=seconds)


@dataclass(slots=True)
class World:
    """What all connections of one server share. The voice may be changed between turns."""

    voice: Voice
    plan: PlanRun
    record: Record
    sessions: Sessions
    clock: Callable[[], float]
    pace: Pace
    transcripts: Transcripts


class Conversation:
    """Answers one client until the connection ends."""

    def __init__(
        self, world: World, wire: Wire, record: ConnectionRecord, setup: Setup, session: Session
    ) -> None:
        self.world = world
        self.wire = wire
        self.record = record
        self.setup = setup
        self.session = session
        self.reply: Reply | None = None
        self.withheld: set[str] = set()
        self.cancelled_calls: deque[tuple[str, float]] = deque(maxlen=CANCELLED_LIMIT)
        """The ids of cancelled tool calls, and when."""
        self.open_calls: set[str] = set()
        """Tool calls for which no reply waits."""
        self._reply_task: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._group = asyncio.TaskGroup()
        self._turn: TurnRecord | None = None
        self._history_open = setup.history_first
        self._context = False
        """Content has been given that no turn has completed yet."""
        self._lead_in: deque[AudioMessage] = deque()
        self._ear = Ear(
            speech_s=setup.speech_ms / 1000,
            silence_s=setup.silence_ms / 1000,
            threshold_dbfs=LOW_SENSITIVITY_DBFS if setup.low_sensitivity else SPEECH_DBFS,
        )
        self._moved_s = world.clock()

    async def run(self) -> None:
        """Greet, then take messages until the end. Raises WireEnded, or Refusal."""
        ended: Exception | None = None
        async with self._group:
            try:
                await self._greet()
                while True:
                    await self._take(parse(await self.wire.receive()))
            except (WireEnded, Refusal) as error:
                ended = error  # raised below: a group would wrap it
            finally:
                for task in self._tasks:
                    task.cancel()
        if ended is not None:
            raise ended

    # --- what planned actions and replies use -------------------------------------------------------

    def now_s(self) -> float:
        """The server's clock."""
        return self.world.clock()

    def changed(self) -> None:
        """Wake those who wait for the record."""
        self.world.record.changed()

    async def say(self, kind: str, message: messages.Message) -> bool:
        """Send a message; False where it was withheld or the wire is muted. `kind` is its snake_case name."""
        if kind in self.withheld:
            self.withheld.discard(kind)
            return False
        sent = await self.wire.send(messages.encode(message))
        self.changed()
        return sent

    async def tell_handle(self, *, resumable: bool) -> None:
        """A new handle, or that there can be none just now, if the client asked for handles."""
        if self.setup.resumption:
            handle = self.world.sessions.issue(self.session) if resumable else None
            await self.say("session_resumption_update", messages.handle_update(handle))

    async def fire(self, when: When, before: float = 0.0, after: float = 0.0) -> None:
        """Do what the plan has for this moment, in its order."""
        for action in self.world.plan.due(when, before, after):
            await faults.perform(self, action)

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run something beside the reading, no longer than the connection lasts. Raises Refusal."""
        if len(self._tasks) >= TASK_LIMIT:
            work.close()
            raise Refusal(INTERNAL, "The service is currently unavailable.")
        task = self._group.create_task(_until_closed(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda _: work.close())  # of a task that was cancelled before it began
        return task

    # --- set-up and idling --------------------------------------------------------------------------

    async def _greet(self) -> None:
        await self.fire(When.SETUP)
        if self.record.resumed:
            await self.fire(When.RESUME)
        if await self.say("setup_complete", messages.setup_complete(self.session.session_id)):
            self.record.setup_complete_s = self.now_s()
            self.changed()
        await self.tell_handle(resumable=True)
        if self.world.plan.uses(When.IDLE_S):
            self.spawn(self._watch_idle())

    async def _watch_idle(self) -> None:
        idle_s = 0.0
        while True:
            await asyncio.sleep(IDLE_TICK_S)
            if self._answering() or self._turn is not None:
                self._moved_s = self.now_s()
            before_s, idle_s = idle_s, self.now_s() - self._moved_s
            if idle_s > before_s:
                await self.fire(When.IDLE_S, before_s, idle_s)

    # --- what the client says -----------------------------------------------------------------------

    async def _take(self, message: ClientMessage) -> None:
        self._moved_s = self.now_s()
        match message.kind:
            case "realtimeInput":
                for name, value in message.body.items():
                    await REALTIME[name](self, value)
            case "clientContent":
                await self._take_content(message.body)
            case "toolResponse":
                await self._take_tool_response(message.body)
            case "contextUpdate":
                self._received("context_update", message.body)
                if not self.setup.model.context_update:
                    raise invalid()
            case _:
                raise invalid("setup must be the first message and only the first")

    async def _take_activity_start(self, _: Any) -> None:
        self._received("activity_start")
        self._need_mode(manual=True)
        if self._turn is not None:
            raise invalid("Precondition check failed.")
        await self._open_turn("activity")

    async def _take_activity_end(self, _: Any) -> None:
        self._received("activity_end")
        self._need_mode(manual=True)
        if self._turn is None:
            raise invalid("Precondition check failed.")
        await self._close_turn(self._turn, "activity_end")

    async def _take_audio(self, blob: dict[str, Any]) -> None:
        rate_hz = audio_rate_hz(blob)
        if self.reply is not None and self.reply.pending and not self.setup.model.audio_during_tool_call:
            raise Refusal(POLICY, "Operation is not implemented, or supported, or enabled.")
        message = self.world.record.audio_received(self.record, blob.get("data", b""), rate_hz)
        heard = Heard.NOTHING if self.setup.manual else self._ear.hear(message.pcm, message.seconds)
        if heard is Heard.STARTED:
            await self._open_turn("speech")
            for earlier in self._lead_in:
                await self._add_audio(earlier)
            self._lead_in.clear()
        if self._turn is None:
            self._remember_lead_in(message)
        else:
            await self._add_audio(message)
        if heard is Heard.ENDED and self._turn is not None:
            await self._close_turn(self._turn, "silence")

    async def _take_stream_end(self, _: Any) -> None:
        self._received("audio_stream_end")
        self._need_mode(manual=False)
        self._lead_in.clear()
        if self._ear.stream_ended() is Heard.ENDED and self._turn is not None:
            await self._close_turn(self._turn, "audio_stream_end")

    async def _take_text(self, text: str) -> None:
        self._received("text", text)
        if self._turn is not None:
            self._turn.text = text
            return
        turn = await self._open_turn("text", text)
        await self._close_turn(turn, "text")

    async def _take_ignored(self, value: Any) -> None:
        """Video has no ear here; mediaChunks are reported to be ignored by current models."""
        self._received("ignored", value)

    async def _take_content(self, body: dict[str, Any]) -> None:
        self._received("client_content", body)
        complete = body.get("turnComplete", False)
        if self._history_open:
            self._history_open = not complete
            return
        if not self.setup.model.content_any_time or self._turn is not None:
            raise invalid()
        self._context = self._context or bool(body.get("turns"))
        if complete and not self._context:
            raise invalid("No turn to complete")
        await self._cut_reply()
        if complete:
            self._context = False
            turn = self.world.record.turn_opened(self.record, "content", _text_of(body))
            await self._close_turn(turn, "turn_complete")

    async def _take_tool_response(self, body: dict[str, Any]) -> None:
        self._received("tool_response", body)
        for answer in body.get("functionResponses", []):
            call_id, more_follows = answer.get("id", ""), answer.get("willContinue", False)
            if call_id in self.open_calls:
                if not more_follows:
                    self.open_calls.discard(call_id)
                    await self._speak_of(call_id, answer.get("scheduling", "WHEN_IDLE"))
            elif self.reply is not None and call_id in self.reply.pending:
                if not more_follows:
                    self.reply.tool_answered(call_id)
            elif self._cancelled_just_now(call_id):
                self.record.late_answers += 1
            else:
                raise Refusal(POLICY, "Requested entity was not found.")

    def note_cancelled(self, call_ids: list[str]) -> None:
        """These calls were cancelled at this moment."""
        self.cancelled_calls.extend((call_id, self.now_s()) for call_id in call_ids)

    def _cancelled_just_now(self, call_id: str) -> bool:
        now_s = self.now_s()
        return any(call_id == one and now_s - at_s <= LATE_ANSWER_S for one, at_s in self.cancelled_calls)

    async def _speak_of(self, call_id: str, scheduling: str) -> None:
        """A reply for which nobody asked, unless the answer is silent, or the user speaks."""
        if scheduling == "SILENT" or self._turn is not None:
            return
        if scheduling == "INTERRUPT":
            await self._cut_reply()
        turn = self.world.record.turn_opened(self.record, "tool", call_id)
        turn.ended_s, turn.ended_by = self.now_s(), "tool"
        self._reply_to(turn)

    # --- turns --------------------------------------------------------------------------------------

    async def _open_turn(self, opened_by: str, text: str | None = None) -> TurnRecord:
        if self.setup.interruptible:
            await self._cut_reply()
        self._turn = turn = self.world.record.turn_opened(self.record, opened_by, text)
        await self.fire(When.ACTIVITY_START)
        return turn

    async def _add_audio(self, message: AudioMessage) -> None:
        turn = self._turn
        if turn is not None:
            before_ms = turn.audio_ms
            self.world.record.assign(self.record, message, turn)
            await self.fire(When.AUDIO_MS, before_ms, turn.audio_ms)

    async def _close_turn(self, turn: TurnRecord, ended_by: str) -> None:
        self._turn = None
        turn.ended_s, turn.ended_by = self.now_s(), ended_by
        self.changed()
        await self.fire(When.ACTIVITY_END)
        self._reply_to(turn)

    def _reply_to(self, turn: TurnRecord) -> None:
        self.reply = Reply(self, turn, self.world.voice)
        self._reply_task = self.spawn(_after(self._reply_task, self.reply))

    async def _cut_reply(self) -> None:
        if self.reply is None or self._reply_task is None or not self._answering():
            return
        self._reply_task.cancel()
        await asyncio.wait([self._reply_task])
        await self.reply.say_cut()

    def _answering(self) -> bool:
        return self._reply_task is not None and not self._reply_task.done()

    def _remember_lead_in(self, message: AudioMessage) -> None:
        if not self.setup.manual:
            self._lead_in.append(message)
            while sum(earlier.seconds for earlier in self._lead_in) > LEAD_IN_S + self.setup.speech_ms / 1000:
                self._lead_in.popleft()

    def _need_mode(self, *, manual: bool) -> None:
        if self.setup.manual is not manual:
            state = "disabled" if self.setup.manual else "enabled"
            raise invalid(f"Not supported when automatic activity detection is {state}.")

    def _received(self, kind: str, payload: Any = None) -> None:
        self.world.record.received(self.record, kind, payload)


REALTIME: dict[str, Callable[[Conversation, Any], Awaitable[None]]] = {
    "activityStart": Conversation._take_activity_start,
    "activityEnd": Conversation._take_activity_end,
    "audio": Conversation._take_audio,
    "audioStreamEnd": Conversation._take_stream_end,
    "text": Conversation._take_text,
    "video": Conversation._take_ignored,
    "mediaChunks": Conversation._take_ignored,
}
"""What each field of `realtimeInput` does."""


async def _until_closed(work: Coroutine[Any, Any, None]) -> None:
    """The end of the connection is the reader's to report."""
    with suppress(WireEnded):
        await work


async def _after(earlier: asyncio.Task[None] | None, reply: Reply) -> None:
    """Replies that may not be interrupted follow each other."""
    if earlier is not None:
        await asyncio.wait([earlier])
    await reply.run()


def _text_of(body: dict[str, Any]) -> str:
    parts = [part for turn in body.get("turns", []) for part in turn.get("parts", [])]
    return " ".join(part["text"] for part in parts if "text" in part)
