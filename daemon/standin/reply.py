"""One answer, from thinking to `turnComplete`; cut at any moment by cancelling its task. Event loop only."""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING

from daemon.standin import messages
from daemon.standin.actions import CallTool, When
from daemon.standin.record import TurnRecord
from daemon.standin.voices import SAMPLE_BYTES, SPOKEN_HZ, Answer, Piece, Voice, pieces

if TYPE_CHECKING:
    from daemon.standin.conversation import Conversation

_call_ids = itertools.count(1)


class ReplyOver(Exception):
    """A planned fault has interrupted this reply; `turnComplete` follows."""


class Reply:
    """The answer to one turn. Planned actions may change `voice`, `reason` and `tools` before it speaks."""

    def __init__(self, talk: Conversation, turn: TurnRecord, voice: Voice) -> None:
        self._talk = talk
        self._turn = turn
        self._record = turn.reply
        self.voice = voice
        self.reason = ""
        self.tools: list[CallTool] = []
        self.pending: set[str] = set()
        """Tool calls that have not been answered."""
        self._all_answered = asyncio.Event()

    async def run(self) -> None:
        """Think, call tools, speak, wait for the play-out, complete the turn."""
        try:
            await self._transcribe_input()
            if self._talk.session.never_answers:
                return
            await self._talk.tell_handle(resumable=False)
            answer = await self._think()
            await self._call_tools()
            await self._speak(answer)
            await self._wait_for_playout()
            await self._talk.fire(When.TURN_COMPLETE)
            await self._complete()
        except ReplyOver:
            self._record.interrupted_s = self._talk.now_s()
            await self._complete()

    async def say_cut(self) -> None:
        """The client hears that this reply was cut. Call after its task has ended."""
        await self.cancel_tools()
        self._record.interrupted_s = self._talk.now_s()
        await self._talk.say("interrupted", messages.interrupted())
        await self._complete()

    async def cancel_tools(self) -> None:
        """The calls that were not answered must not be any more."""
        if not self.pending:
            return
        cancelled = sorted(self.pending)
        self._talk.note_cancelled(cancelled)
        self.pending.clear()
        self._all_answered.set()
        await self._talk.say("tool_call_cancellation", messages.tool_call_cancellation(cancelled))

    def tool_answered(self, call_id: str) -> None:
        """An answer came that is final."""
        self.pending.discard(call_id)
        if not self.pending:
            self._all_answered.set()

    async def _transcribe_input(self) -> None:
        if self._talk.setup.transcribe_input and self._turn.audio_s > 0:
            text = self._talk.world.transcripts.said(self._turn.audio_s)
            await self._talk.say("input_transcription", messages.transcription("inputTranscription", text))

    async def _think(self) -> Answer:
        """Making the answer is part of the thinking time, so that a long echo does not come later."""
        ready_s = self._talk.now_s() + self._talk.world.pace.thinking_s
        voice = self.voice
        answer = voice.reply(self._turn.heard(), self._turn.text)
        await asyncio.sleep(max(0.0, ready_s - self._talk.now_s()))
        await self._talk.fire(When.REPLY_START)
        return answer if self.voice is voice else self.voice.reply(self._turn.heard(), self._turn.text)

    async def _call_tools(self) -> None:
        if not self.tools:
            return
        calls = [(f"call-{next(_call_ids)}", tool.name, tool.args) for tool in self.tools]
        for call_id, name, _ in calls:
            self._record.tool_calls.append(call_id)
            if self._talk.setup.waits_for(name):
                self.pending.add(call_id)
            else:
                self._talk.open_calls.add(call_id)
        await self._talk.say("tool_call", messages.tool_call(calls))
        await self._talk.fire(When.TOOL_CALL)
        if self.pending:
            await self._all_answered.wait()

    async def _speak(self, answer: Answer) -> None:
        pace = self._talk.world.pace
        for number, piece in enumerate(pieces(answer, pace.message_s, pace.speed)):
            await asyncio.sleep(piece.delay_s)
            await self._say_piece(piece)
            if number == 0:
                await self._transcribe_output()
        if not self.reason and await self._talk.say("generation_complete", messages.generation_complete()):
            self._record.generation_complete_s = self._talk.now_s()

    async def _say_piece(self, piece: Piece) -> None:
        before_ms = self._spoken_s * 1000
        if await self._talk.say("audio", messages.audio(piece.pcm)):
            self._note_audio(len(piece.pcm))
        await self._talk.fire(When.REPLY_MS, before_ms, self._spoken_s * 1000)

    def _note_audio(self, size_bytes: int) -> None:
        record = self._record
        record.last_audio_s = self._talk.now_s()
        record.first_audio_s = record.first_audio_s or record.last_audio_s
        record.audio_bytes += size_bytes
        record.messages += 1
        self._talk.changed()

    async def _transcribe_output(self) -> None:
        if self._talk.setup.transcribe_output:
            text = self._talk.world.transcripts.answered(self._turn.audio_s)
            await self._talk.say("output_transcription", messages.transcription("outputTranscription", text))

    @property
    def _spoken_s(self) -> float:
        return self._record.audio_bytes / (SAMPLE_BYTES * SPOKEN_HZ)

    async def _wait_for_playout(self) -> None:
        if self._record.first_audio_s is not None:
            elapsed_s = self._talk.now_s() - self._record.first_audio_s
            await asyncio.sleep(max(0.0, self._spoken_s * self._talk.world.pace.playout - elapsed_s))

    async def _complete(self) -> None:
        message = messages.turn_complete(self._turn.audio_s, self._spoken_s, self.reason)
        if await self._talk.say("turn_complete", message):
            self._record.turn_complete_s = self._talk.now_s()
            self._record.reason = self.reason
        await self._talk.tell_handle(resumable=True)
