"""A second connection is asked what the first does not answer in its usual time.

Nothing is given up for it: whichever answers first is heard, and the other is left.
"""

from __future__ import annotations

from dataclasses import replace

from daemon import events as e
from daemon.dialogue import actions as do
from daemon.dialogue.shared import Step
from daemon.dialogue.state import Dialogue
from daemon.words import Phase


def waits_in_vain(state: Dialogue) -> bool:
    """Whether nothing at all has come of an answer, though it could."""
    turn = state.turn
    begun = turn.heard_reply or turn.ended or state.tools_busy
    return state.link.online and not state.mic.muted and not begun


def have_second(state: Dialogue) -> Step:
    """The answer takes unusually long: connect a second time, once beside each connection."""
    turn = state.turn
    if turn.second or turn.retried or not waits_in_vain(state):
        return state, ()
    return replace(state, turn=replace(turn, second=True)), (do.OpenSecond(turn.number),)


def ask_second(state: Dialogue, event: e.SecondUp, _policy: object) -> Step:
    """It is there: what was said leaves once more, and the light says so."""
    turn = state.turn
    if event.turn != turn.number or not turn.second or not waits_in_vain(state):
        return state, ()
    # A text lights no listening light.
    return state if turn.text else state.to(Phase.SENDING), (do.AskSecond(turn.number),)


def second_is_over(state: Dialogue, event: e.SecondLost | e.SecondAnswers, _policy: object) -> Step:
    """It failed, or the first was faster, or it answers: nothing more is sent."""
    if event.turn != state.turn.number or not state.turn.second:
        return state, ()
    return state.to(Phase.THINKING), ()
