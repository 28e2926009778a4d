"""Eager ends: an utterance is closed at a short pause, and the full silence confirms that it is over.

Between the two the phase is still LISTENING, with the light that belongs to it: what is said then leaves the
device too.
"""

from __future__ import annotations

from dataclasses import replace

from daemon import events as e
from daemon.dialogue import actions as do
from daemon.dialogue.shared import Step
from daemon.dialogue.state import Dialogue, EagerEnd, LinkState, Policy, Talk


def pause_while_listening(state: Dialogue, _event: e.SpeechPaused, policy: Policy) -> Step:
    """Let the answer come, while it is not sure yet that the user has finished."""
    turn = state.turn
    endpointed = turn.talk is Talk.ENDPOINTED and turn.released
    may_gain = state.link.online and turn.eager is None and turn.eager_ends < policy.max_eager_ends
    if not (endpointed and may_gain):
        return state, ()
    closed = replace(turn, eager=EagerEnd(), eager_ends=turn.eager_ends + 1)
    return replace(state, turn=closed), (do.CloseEagerly(turn.number),)


def resumed_while_listening(state: Dialogue, _event: e.SpeechResumed, _policy: Policy) -> Step:
    """It was a pause: what was said before it and what follows are one utterance."""
    turn = state.turn
    if turn.eager is None:
        return state, ()
    return replace(state, turn=replace(turn, eager=None)), (do.ReopenUtterance(turn.number),)


def sent_while_listening(state: Dialogue, event: e.UtteranceSent, _policy: Policy) -> Step:
    """All that was said before the pause has left."""
    turn = state.turn
    if turn.eager is None or event.turn != turn.number:
        return state, ()
    return replace(state, turn=replace(turn, eager=EagerEnd(sent=True))), ()


def lost_while_listening(state: Dialogue, event: e.LinkLost, _policy: Policy) -> Step:
    """What has left is sent again on the next connection; nothing is lost by it here."""
    eager = None if state.turn.eager is None else EagerEnd()
    lost = replace(state, link=LinkState(trouble=event.trouble))
    return replace(lost, turn=replace(state.turn, eager=eager)), ()
