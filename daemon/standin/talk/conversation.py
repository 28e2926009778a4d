"""One connection after its set-up: whose turn it is, what is answered, what is refused. Event loop only."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from daemon.standin import messages
from daemon.standin.actions import When
from daemon.standin.grammar.models import Chunks, Task
from daemon.standin.grammar.protocol import (
    POLICY,
    ClientMessage,
    Refusal,
    audio_rate_hz,
    invalid,
    parse,
    unsupported,
)
from daemon.standin.grammar.setups import Setup, check_tools, waits_of, words_of
from daemon.standin.record import AudioMessage, ConnectionRecord, TurnRecord
from daemon.standin.sessions import KeptSession
from daemon.standin.talk import faults
from daemon.standin.talk.calls import CallAnswered
from daemon.standin.talk.hearing import LOW_SENSITIVITY_DBFS, SPEECH_DBFS, Change, Ear
from daemon.standin.talk.limits import end_in_time
from daemon.standin.talk.line import Line
from daemon.standin.talk.reply import Reply
from daemon.standin.talk.transcribing import transcribe_more
from daemon.standin.voices import Said
from daemon.standin.wire import Wire
from daemon.standin.world import World

LEAD_IN_S = 0.3
"""Audio from before detected speech that belongs to its turn, in automatic mode."""

IDLE_TICK_S = 0.05


class Conversation:
    """Answers one client until the connection ends."""

    def __init__(
        self, world: World, wire: Wire, record: ConnectionRecord, setup: Setup, session: KeptSession
    ) -> None:
        self.line = Line(world, wire, record, setup, session, faults.perform)
        self._world = world
        self._record = record
        self._setup = setup
        self._reply: Reply | None = None
        self._reply_task: asyncio.Task[None] | None = None
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
        async with self.line:
            await self._greet()
            while True:
                await self._take(parse(await self.line.wire.receive()))

    # --- set-up and idling --------------------------------------------------------------------------

    async def _greet(self) -> None:
        line = self.line
        await line.fire(When.SETUP)
        if self._record.resumed:
            await line.fire(When.RESUME)
        else:
            line.session.history.count_text(self._setup.instruction)
        if await line.say("setup_complete", messages.setup_complete(line.session.session_id)):
            self._record.setup_complete_s = line.now_s()
            line.changed()
        await line.tell_handle(resumable=True)
        line.spawn(end_in_time(line))
        if self._world.plan.uses(When.IDLE_S):
            line.spawn(self._watch_idle())

    async def _watch_idle(self) -> None:
        idle_s = 0.0
        while True:
            await asyncio.sleep(IDLE_TICK_S)
            if self._answering() or self._turn is not None:
                self._moved_s = self.line.now_s()
            before_s, idle_s = idle_s, self.line.now_s() - self._moved_s
            if idle_s > before_s:
                await self.line.fire(When.IDLE_S, before_s, idle_s)

    # --- what the client says -----------------------------------------------------------------------

    async def _take(self, message: ClientMessage) -> None:
        self._moved_s = self.line.now_s()
        match message.kind:
            case "realtimeInput":
                for name, value in message.body.items():
                    await REALTIME[name](self, value)
            case "clientContent":
                await self._take_content(message.body)
            case "toolResponse":
                await self._take_tool_response(message.body)
            case "contextUpdate":
                self._take_context_update(message.body)
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
        if self.line.calls.pending and not self._hears_during_calls():
            raise unsupported()
        pcm = blob.get("data", b"")
        if self._setup.manual:
            await self._hear(self._world.record.audio_received(self._record, pcm, rate_hz), Change.NOTHING)
            return
        for part, heard in self._ear.listen(pcm, rate_hz):
            await self._hear(self._world.record.audio_received(self._record, part, rate_hz), heard)

    async def _hear(self, message: AudioMessage, heard: Change) -> None:
        """Take what came; `heard` changes at its end."""
        if heard is Change.STARTED:
            await self._tell_activity("ACTIVITY_START")
            await self._open_turn("speech")
            for earlier in self._lead_in:
                await self._add_audio(earlier)
            self._lead_in.clear()
        if self._turn is None:
            self._remember_lead_in(message)
        else:
            await self._add_audio(message)
        if heard is Change.ENDED and self._turn is not None:
            await self._tell_activity("ACTIVITY_END")
            await self._close_turn(self._turn, "silence")

    async def _take_stream_end(self, ended: bool) -> None:
        self._received("audio_stream_end")
        self._need_mode(manual=False)
        self._lead_in.clear()
        if ended and self._ear.stream_ended() is Change.ENDED and self._turn is not None:
            await self._close_turn(self._turn, "audio_stream_end")

    async def _take_text(self, text: str) -> None:
        self._received("text", text)
        self._need_answers()
        if self._turn is not None:
            self._turn.text = text
            return
        turn = await self._open_turn("text", text)
        await self._close_turn(turn, "text")

    async def _take_video(self, blob: dict[str, Any]) -> None:
        self._need_answers()
        mime_type = blob.get("mimeType", "")
        if not mime_type.startswith("image/"):
            raise invalid()
        self._world.record.video_received(self._record, blob.get("data", b""), mime_type)

    async def _take_chunks(self, blobs: list[dict[str, Any]]) -> None:
        match self._setup.model.media_chunks:
            case Chunks.REFUSED:
                raise invalid("realtime_input.media_chunks is deprecated. Use audio, video, or text instead.")
            case Chunks.IGNORED:
                self._received("ignored", blobs)
            case Chunks.HEARD:
                for blob in blobs:
                    is_picture = blob.get("mimeType", "").startswith("image/")
                    await (self._take_video(blob) if is_picture else self._take_audio(blob))

    async def _take_content(self, body: dict[str, Any]) -> None:
        self._received("client_content", body)
        turns, complete = body.get("turns", []), body.get("turnComplete", False)
        if self._history_open:
            self._history_open = not complete
            self._remember(turns)
            return
        if not self._takes_content() or self._turn is not None:
            raise invalid()
        self._context = self._context or bool(turns)
        if complete and not self._context:
            raise invalid("No turn to complete")
        await self._cut_reply()
        self._remember(turns[:-1] if complete else turns)
        if complete:
            self._context = False
            text = " ".join(map(words_of, turns))
            turn = self._world.record.turn_opened(self._record, "content", text)
            await self._close_turn(turn, "turn_complete")

    async def _take_tool_response(self, body: dict[str, Any]) -> None:
        self._received("tool_response", body)
        for answer in body.get("functionResponses", []):
            call_id, more_follows = answer.get("id", ""), answer.get("willContinue", False)
            match self.line.calls.answer(call_id, self.line.now_s(), more_follows=more_follows):
                case CallAnswered.UNKNOWN:
                    raise Refusal(POLICY, "Requested entity was not found.")
                case CallAnswered.LATE:
                    self._record.late_answers += 1
                case CallAnswered.UNAWAITED if not more_follows:
                    await self._speak_of(call_id, answer.get("scheduling", "WHEN_IDLE"))

    def _take_context_update(self, body: dict[str, Any]) -> None:
        self._received("context_update", body)
        if not self._setup.model.context_update:
            raise invalid()
        if "tools" in body:
            tools = body["tools"].get("tools", [])
            check_tools(tools, self._setup.model)
            self.line.waits = waits_of(tools, self._setup.model)
        self.line.session.history.count_text(words_of(body.get("systemInstruction")))

    async def _speak_of(self, call_id: str, scheduling: str) -> None:
        """A reply for which nobody asked, unless the answer is silent, or the user speaks."""
        if scheduling == "SILENT" or self._turn is not None:
            return
        if scheduling == "INTERRUPT":
            await self._cut_reply()
        turn = self._world.record.turn_opened(self._record, "tool", call_id)
        turn.ended_s, turn.ended_by = self.line.now_s(), "tool"
        self._reply_to(turn)

    # --- what is allowed ----------------------------------------------------------------------------

    def _hears_during_calls(self) -> bool:
        return self._setup.model.audio_during_tool_call or self._world.service.audio_in_call_on_2_5 == "taken"

    def _takes_content(self) -> bool:
        model = self._setup.model
        taken = self._world.service.content_on_3_1 == "taken" and model.task is Task.ANSWER
        return model.content_any_time or taken

    def _need_answers(self) -> None:
        """Models that transcribe or translate take sound only."""
        if self._setup.model.task is not Task.ANSWER:
            raise invalid()

    def _need_mode(self, *, manual: bool) -> None:
        if self._setup.manual is not manual:
            state = "disabled" if self._setup.manual else "enabled"
            raise invalid(f"Not supported when automatic activity detection is {state}.")

    # --- turns --------------------------------------------------------------------------------------

    async def _open_turn(self, opened_by: str, text: str | None = None) -> TurnRecord:
        if self._setup.interruptible:
            await self._cut_reply()
        self._turn = turn = self._world.record.turn_opened(self._record, opened_by, text)
        await self.line.fire(When.ACTIVITY_START)
        return turn

    async def _add_audio(self, message: AudioMessage) -> None:
        turn = self._turn
        if turn is not None:
            before_ms = turn.audio_ms
            self._world.record.assign(self._record, message, turn)
            await transcribe_more(self.line, turn)
            await self.line.fire(When.AUDIO_MS, before_ms, turn.audio_ms)

    async def _close_turn(self, turn: TurnRecord, ended_by: str) -> None:
        self._turn = None
        turn.ended_s, turn.ended_by = self.line.now_s(), ended_by
        self._world.record.note(self._record, "turn_ended", turn)
        self.line.changed()
        await self.line.fire(When.ACTIVITY_END)
        self._reply_to(turn)

    def _reply_to(self, turn: TurnRecord) -> None:
        self._reply = Reply(self.line, turn)
        self._reply_task = self.line.spawn(_after(self._reply_task, self._reply))

    async def _cut_reply(self) -> None:
        if self._reply is None or self._reply_task is None or not self._answering():
            return
        self._reply_task.cancel()
        await asyncio.wait([self._reply_task])
        await self._reply.say_cut()

    def _answering(self) -> bool:
        return self._reply_task is not None and not self._reply_task.done()

    def _remember_lead_in(self, message: AudioMessage) -> None:
        if not self._setup.manual:
            self._lead_in.append(message)
            while (
                sum(earlier.seconds for earlier in self._lead_in) > LEAD_IN_S + self._setup.speech_ms / 1000
            ):
                self._lead_in.popleft()

    def _remember(self, turns: list[dict[str, Any]]) -> None:
        for content in turns:
            self.line.session.history.add(Said(content.get("role", "user"), words_of(content)))

    async def _tell_activity(self, word: str) -> None:
        if self._world.service.voice_activity:
            await self.line.say(
                "voice_activity", messages.voice_activity(word, round(self._record.heard_s, 3))
            )

    def _received(self, kind: str, payload: Any = None) -> None:
        self._world.record.received(self._record, kind, payload)


REALTIME: dict[str, Callable[[Conversation, Any], Awaitable[None]]] = {
    "activityStart": Conversation._take_activity_start,
    "activityEnd": Conversation._take_activity_end,
    "audio": Conversation._take_audio,
    "audioStreamEnd": Conversation._take_stream_end,
    "text": Conversation._take_text,
    "video": Conversation._take_video,
    "mediaChunks": Conversation._take_chunks,
}
"""What each field of `realtimeInput` does."""


async def _after(earlier: asyncio.Task[None] | None, reply: Reply) -> None:
    """Replies that may not be interrupted follow each other."""
    if earlier is not None:
        await asyncio.wait([earlier])
    await reply.run()
