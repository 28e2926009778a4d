"""What each planned action does to a connection: a table of small functions. Event loop only.

Actions before the session (`Refuse`, `TlsFailure`, `HttpStatus`) are done in `server.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from daemon.standin import actions, messages
from daemon.standin.talk.line import Draft, Line, ReplyOver
from daemon.standin.voices import NoAudio, tone, voice_named


async def perform(line: Line, action: actions.Action) -> None:
    """Do it, on the task that calls. Raises WireEnded, and ReplyOver in a reply."""
    await PERFORM[type(action)](line, action)


async def _close(line: Line, action: actions.Close) -> None:
    await line.wire.close(action.code, action.reason)


async def _reset(line: Line, _: actions.Reset) -> None:
    line.wire.reset()


async def _stop_reading(line: Line, _: actions.StopReading) -> None:
    line.wire.stop_reading()


async def _stop_answering(line: Line, _: actions.StopAnswering) -> None:
    line.wire.muted = True


async def _half_open(line: Line, action: actions.HalfOpen) -> None:
    line.wire.muted = True
    line.wire.stop_reading()
    if not action.holds_session:
        line.session.release(line.wire)


async def _go_away(line: Line, action: actions.SayGoAway) -> None:
    await line.say("go_away", messages.go_away(action.time_left_s))
    if action.then != "nothing":
        line.spawn(_end_later(line, action))


async def _end_later(line: Line, action: actions.SayGoAway) -> None:
    await asyncio.sleep(action.after_s if action.after_s is not None else action.time_left_s or 0.0)
    if action.then == "close":
        await line.perform(actions.DEADLINE)
    else:
        await line.perform(actions.StopAnswering())


async def _stall(line: Line, action: actions.Stall) -> None:
    await _pause(line, action.seconds)


async def _send(line: Line, action: actions.Send) -> None:
    await line.wire.send(messages.ODD[action.what]())


async def _withhold(line: Line, action: actions.Withhold) -> None:
    line.withheld.add(action.what)


async def _interrupted_with_audio(line: Line, _: actions.InterruptedWithAudio) -> None:
    content = {"interrupted": True, "modelTurn": messages.audio_turn(tone(0.2, 880.0))}
    await line.say("interrupted", {"serverContent": content})
    raise ReplyOver


async def _speak(line: Line, action: actions.Speak) -> None:
    _draft_of(line).voice = voice_named(action.voice)


async def _reject(line: Line, action: actions.Reject) -> None:
    draft = _draft_of(line)
    draft.voice, draft.reason = NoAudio(), action.reason


async def _call_tool(line: Line, action: actions.CallTool) -> None:
    _draft_of(line).tools.append(action)


async def _cancel_tools(line: Line, _: actions.CancelTools) -> None:
    await line.cancel_calls()


async def _never_answer(line: Line, _: actions.NeverAnswer) -> None:
    line.session.never_answers = True


async def _think(line: Line, action: actions.Think) -> None:
    await line.say("thought", messages.written(action.text, thought=True))


async def _write(line: Line, action: actions.Write) -> None:
    await line.say("text", messages.written(action.text, thought=False))


async def _ground(line: Line, action: actions.Ground) -> None:
    _draft_of(line).grounding = messages.grounding(action.query, action.uri, action.title)


async def _work(line: Line, action: actions.WorkAWhile) -> None:
    _draft_of(line).work = action


async def _pause(line: Line, seconds: float) -> None:
    """Do nothing for so long, or until the connection ends."""
    with suppress(TimeoutError):
        await asyncio.wait_for(line.wire.wait_ended(), seconds)


def _draft_of(line: Line) -> Draft:
    assert line.draft is not None, "a plan allows this action only in a reply"
    return line.draft


PERFORM: dict[type[actions.Action], Callable[[Line, Any], Awaitable[None]]] = {
    actions.Close: _close,
    actions.Reset: _reset,
    actions.StopReading: _stop_reading,
    actions.StopAnswering: _stop_answering,
    actions.HalfOpen: _half_open,
    actions.SayGoAway: _go_away,
    actions.Stall: _stall,
    actions.Send: _send,
    actions.Withhold: _withhold,
    actions.InterruptedWithAudio: _interrupted_with_audio,
    actions.Speak: _speak,
    actions.Reject: _reject,
    actions.CallTool: _call_tool,
    actions.Think: _think,
    actions.Write: _write,
    actions.Ground: _ground,
    actions.WorkAWhile: _work,
    actions.CancelTools: _cancel_tools,
    actions.NeverAnswer: _never_answer,
}
