"""What the user said, in made-up words: whole after the turn, or while they speak. Event loop only."""

from __future__ import annotations

from daemon.standin import messages
from daemon.standin.grammar.models import Task
from daemon.standin.record import TurnRecord
from daemon.standin.talk.line import Line

PIECE_S = 0.5
"""Speech between two pieces of a transcript."""


async def transcribe_more(line: Line, turn: TurnRecord) -> None:
    """Tell what was added to the open turn, if it is enough for a piece."""
    if not line.setup.transcribe_input or turn.audio_s - turn.transcribed_s < PIECE_S:
        return
    if line.setup.model.task is Task.TRANSCRIBE:
        turn.transcribed_s = turn.audio_s
        text = line.world.transcripts.said(turn.audio_s)
        await line.say(
            "interim_input_transcription", messages.transcription("interimInputTranscription", text)
        )
    elif line.world.service.transcripts == "pieces":
        await _tell_piece(line, turn)


async def transcribe_rest(line: Line, turn: TurnRecord) -> None:
    """The turn is over: the last piece, or the whole of it."""
    if not line.setup.transcribe_input or turn.audio_s == 0:
        return
    if line.setup.model.task is not Task.TRANSCRIBE and line.world.service.transcripts == "pieces":
        await _tell_piece(line, turn)
        return
    text = line.world.transcripts.said(turn.audio_s)
    finished = line.setup.model.task is Task.TRANSCRIBE
    message = messages.transcription("inputTranscription", text, finished=finished)
    await line.say("input_transcription", message)


async def _tell_piece(line: Line, turn: TurnRecord) -> None:
    text = line.world.transcripts.said(turn.audio_s - turn.transcribed_s) + " "
    turn.transcribed_s = turn.audio_s
    if text.strip():
        await line.say("input_transcription", messages.transcription("inputTranscription", text))
