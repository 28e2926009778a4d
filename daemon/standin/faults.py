"""What each planned action does to a connection: a table of small functions. Event loop only.

Actions before the session (`Refuse`, `TlsFailure`, `HttpStatus`) are done in `server.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from daemon.standin import actions, messages
from daemon.standin.reply import Reply, ReplyOver
from daemon.standin.voices import NoAudio, tone, voice_named

if TYPE_CHECKING:
    from daemon.standin.conversation import Conversation


async def perform(talk: Conversation, action: actions.Action) -> None:
    """Do it, on the task that calls. Raises WireEnded, and ReplyOver in a reply."""
    talk.record.faults.append(type(action).__name__)
    talk.changed()
    await PERFORM[type(action)](talk, action)


async def _close(talk: Conversation, action: actions.Close) -> None:
    await talk.wire.close(action.code, action.reason)


async def _reset(talk: Conversation, _: actions.Reset) -> None:
    talk.wire.reset()


async def _stop_reading(talk: Conversation, _: actions.StopReading) -> None:
    talk.wire.stop_reading()


async def _stop_answering(talk: Conversation, _: actions.StopAnswering) -> None:
    talk.wire.muted = True


async def _half_open(talk: Conversation, action: actions.HalfOpen) -> None:
    talk.wire.muted = True
    talk.wire.stop_reading()
    if not action.holds_session:
        talk.session.release(talk.wire)


async def _go_away(talk: Conversation, action: actions.GoAway) -> None:
    await talk.say("go_away", messages.go_away(action.time_left_s))
    if action.then != "nothing":
        talk.spawn(_end_later(talk, action))


async def _end_later(talk: Conversation, action: actions.GoAway) -> None:
    await asyncio.sleep(action.after_s if action.after_s is not None else action.time_left_s or 0.0)
    if action.then == "close":
        await perform(talk, actions.DEADLINE)
    else:
        await perform(talk, actions.StopAnswering())


async def _stall(talk: Conversation, action: actions.Stall) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(talk.wire.wait_ended(), action.seconds)


async def _send(talk: Conversation, action: actions.Send) -> None:
    await talk.wire.send(messages.ODD[action.what]())


async def _withhold(talk: Conversation, action: actions.Withhold) -> None:
    talk.withheld.add(action.what)


async def _interrupted_with_audio(talk: Conversation, _: actions.InterruptedWithAudio) -> None:
    content = {"interrupted": True, "modelTurn": messages.audio_turn(tone(0.2, 880.0))}
    await talk.say("interrupted", {"serverContent": content})
    raise ReplyOver


async def _speak(talk: Conversation, action: actions.Speak) -> None:
    _reply_of(talk).voice = voice_named(action.voice)


async def _reject(talk: Conversation, action: actions.Reject) -> None:
    reply = _reply_of(talk)
    reply.voice, reply.reason = NoAudio(), action.reason


async def _call_tool(talk: Conversation, action: actions.CallTool) -> None:
    _reply_of(talk).tools.append(action)


async def _cancel_tools(talk: Conversation, _: actions.CancelTools) -> None:
    await _reply_of(talk).cancel_tools()


async def _never_answer(talk: Conversation, _: actions.NeverAnswer) -> None:
    talk.session.never_answers = True


def _reply_of(talk: Conversation) -> Reply:
    assert talk.reply is not None, "a plan allows this action only in a reply"
    return talk.reply


PERFORM: dict[type[actions.Action], Callable[[Conversation, Any], Awaitable[None]]] = {
    actions.Close: _close,
    actions.Reset: _reset,
    actions.StopReading: _stop_reading,
    actions.StopAnswering: _stop_answering,
    actions.HalfOpen: _half_open,
    actions.GoAway: _go_away,
    actions.Stall: _stall,
    actions.Send: _send,
    actions.Withhold: _withhold,
    actions.InterruptedWithAudio: _interrupted_with_audio,
    actions.Speak: _speak,
    actions.Reject: _reject,
    actions.CallTool: _call_tool,
    actions.CancelTools: _cancel_tools,
    actions.NeverAnswer: _never_answer,
}
