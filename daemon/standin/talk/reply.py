"""One answer, from thinking to `turnComplete`; cut at any moment by cancelling its task. Event loop only."""

from __future__ import annotations

import asyncio
import itertools

from daemon.standin import messages
from daemon.standin.actions import When, WorkAWhile
from daemon.standin.grammar.models import Task
from daemon.standin.record import TurnRecord
from daemon.standin.talk.line import Draft, Line, ReplyOver
from daemon.standin.talk.transcribing import transcribe_rest
from daemon.standin.voices import (
    SAMPLE_BYTES,
    SPOKEN_HZ,
    NoAudio,
    Piece,
    Recalled,
    Remembering,
    Said,
    Voice,
    pieces,
    tone,
)

WORKING_TONE_HZ = 520.0
"""What the filler before some work sounds like."""

_call_ids = itertools.count(1)


class Reply:
    """The answer to one turn."""

    def __init__(self, line: Line, turn: TurnRecord) -> None:
        self._line = line
        self._turn = turn
        self._record = turn.reply
        silent = line.setup.model.task is Task.TRANSCRIBE
        status = "IDLE" if line.world.service.interaction_status else ""
        self._draft = Draft(NoAudio() if silent else line.world.voice, status=status)
        self._combined = line.world.service.combined and line.setup.model.combines
        self._last: dict[str, messages.Message] = {}
        """The last contents, where they wait to go with `turnComplete`."""
        self._words = ""

    async def run(self) -> None:
        """Think, call tools, speak, wait for the play-out, complete the turn."""
        line = self._line
        line.draft = self._draft
        try:
            await transcribe_rest(line, self._turn)
            if line.session.never_answers:
                return
            await line.tell_handle(resumable=False)
            answer = await self._think()
            await self._call_tools()
            await self._work(self._draft.work)
            await self._speak(answer)
            await self._wait_for_playout()
            await line.fire(When.TURN_COMPLETE)
            await self._complete()
        except ReplyOver:
            self._record.interrupted_s = line.now_s()
            await self._complete()

    async def say_cut(self) -> None:
        """The client hears that this reply was cut. Call after its task has ended."""
        await self._line.cancel_calls()
        self._record.interrupted_s = self._line.now_s()
        self._last.clear()
        await self._line.say("interrupted", messages.interrupted())
        await self._complete()

    async def _think(self) -> Recalled:
        """Making the answer is part of the thinking time, so that a long echo does not come later."""
        self._line.world.check_quota()
        ready_s = self._line.now_s() + self._line.world.pace.thinking_s
        voice = self._draft.voice
        answer = self._answer_of(voice)
        await asyncio.sleep(max(0.0, ready_s - self._line.now_s()))
        await self._line.fire(When.REPLY_START)
        return answer if self._draft.voice is voice else self._answer_of(self._draft.voice)

    def _answer_of(self, voice: Voice) -> Recalled:
        """Its words are empty where they are made up piece by piece."""
        if isinstance(voice, Remembering):
            return voice.recall([*self._line.session.history.said])
        return Recalled(voice.reply(self._turn.heard(), self._turn.text), "")

    async def _call_tools(self) -> None:
        if not self._draft.tools:
            return
        calls = [(f"call-{next(_call_ids)}", tool.name, tool.args) for tool in self._draft.tools]
        for call_id, name, _ in calls:
            self._record.tool_calls.append(call_id)
            self._line.calls.ask(call_id, waits=self._line.waits_for(name))
        await self._line.say("tool_call", messages.tool_call(calls))
        await self._line.fire(When.TOOL_CALL)
        await self._line.calls.wait_answered()

    async def _work(self, work: WorkAWhile | None) -> None:
        if work is None:
            return
        self._draft.status = "IDLE"
        pace = self._line.world.pace
        for piece in pieces(tone(work.filler_s, WORKING_TONE_HZ), pace.message_s, pace.speed):
            await self._say_piece(piece, {})
        if work.generation_complete:
            await self._line.say("generation_complete", messages.generation_complete())
        if work.turn_complete:
            await self._line.say("turn_complete", messages.turn_complete(status="IN_PROGRESS"))
        else:
            await self._line.say("interaction_status", messages.status("IN_PROGRESS"))
        await asyncio.sleep(work.seconds)

    async def _speak(self, answer: Recalled) -> None:
        pace = self._line.world.pace
        spoken = list(pieces(answer.audio, pace.message_s, pace.speed))
        for number, piece in enumerate(spoken, 1):
            ending = self._ending() if self._combined and number == len(spoken) else {}
            await self._say_piece(piece, self._words_of(piece, answer.words) | ending, last=bool(ending))
        if not (self._combined and spoken):
            self._note(await self._line.say_together(self._ending()))

    def _ending(self) -> dict[str, messages.Message]:
        """What goes with the end of the generation."""
        told = {"generation_complete": messages.generation_complete()} if not self._draft.reason else {}
        if self._draft.grounding is not None:
            told["grounding"] = self._draft.grounding
        return told

    def _words_of(self, piece: Piece, words: str) -> dict[str, messages.Message]:
        """The transcript that goes with this piece: all of it with the first, or its own share."""
        line, transcripts = self._line, self._line.world.transcripts
        if line.world.service.transcripts == "pieces" and not words:
            text = transcripts.answered(len(piece.pcm) / (SAMPLE_BYTES * SPOKEN_HZ)) + " "
        elif self._words:
            return {}
        else:
            text = words or transcripts.answered(self._turn.audio_s)
        self._words += text
        if not line.setup.transcribe_output:
            return {}
        return {"output_transcription": messages.transcription("outputTranscription", text)}

    async def _say_piece(
        self, piece: Piece, beside: dict[str, messages.Message], *, last: bool = False
    ) -> None:
        """Sound, and what belongs to it: in the same message, or behind it."""
        await asyncio.sleep(piece.delay_s)
        before_ms = self._spoken_s * 1000
        sound = {"audio": messages.audio(piece.pcm)}
        if last and self._line.world.pace.playout == 0.0:
            self._last = sound | beside
            self._note_audio(len(piece.pcm))
        elif self._combined:
            self._note(await self._line.say_together(sound | beside), len(piece.pcm))
        else:
            self._note(await self._line.say_together(sound), len(piece.pcm))
            for kind, message in beside.items():
                await self._line.say(kind, message)
        await self._line.fire(When.REPLY_MS, before_ms, self._spoken_s * 1000)

    def _note(self, told: set[str], size_bytes: int = 0) -> None:
        """Record what was sent."""
        if "audio" in told:
            self._note_audio(size_bytes)
        if "generation_complete" in told:
            self._record.generation_complete_s = self._line.now_s()

    def _note_audio(self, size_bytes: int) -> None:
        record = self._record
        record.last_audio_s = self._line.now_s()
        record.first_audio_s = record.first_audio_s or record.last_audio_s
        record.audio_bytes += size_bytes
        record.messages += 1
        self._line.changed()

    @property
    def _spoken_s(self) -> float:
        return self._record.audio_bytes / (SAMPLE_BYTES * SPOKEN_HZ)

    async def _wait_for_playout(self) -> None:
        if self._record.first_audio_s is not None:
            elapsed_s = self._line.now_s() - self._record.first_audio_s
            await asyncio.sleep(max(0.0, self._spoken_s * self._line.world.pace.playout - elapsed_s))

    async def _complete(self) -> None:
        usage = self._account()
        ending = messages.turn_complete(usage, self._draft.reason, self._draft.status)
        told = await self._line.say_together(self._last | {"turn_complete": ending})
        self._note(told - {"audio"})
        if "turn_complete" in told:
            self._record.turn_complete_s = self._line.now_s()
            self._record.reason = self._draft.reason
            self._line.changed()
        await self._line.tell_handle(resumable=True)

    def _account(self) -> messages.Message:
        """What the turn cost: all that the context holds with it, and what was answered."""
        history, turn = self._line.session.history, self._turn
        if turn.opened_by != "tool":
            history.add(Said("user", turn.text or "", turn.heard()), turn.audio_s)
        history.compress(self._line.setup.compression)
        prompt = {"AUDIO": history.tokens.audio, "TEXT": history.tokens.text}
        response = {"AUDIO": messages.tokens_of(self._spoken_s)}
        history.add(Said("model", self._words), self._spoken_s)
        self._line.world.tokens_used += sum(prompt.values()) + sum(response.values())
        return messages.usage_of(prompt, response)
