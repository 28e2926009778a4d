"""Runs of the dialogue's table: events that may come, in the order of a turn, and what follows from them."""

from __future__ import annotations

from typing import get_args

from daemon import events as e
from daemon.dialogue.actions import Action
from daemon.dialogue.state import Dialogue, LinkState, Policy, TurnTaking
from daemon.dialogue.table import advance
from daemon.events import Timer, Trigger

DEVICE = Policy(voice_trigger=True, barge_in=True)
SERVER = Policy(turn_taking=TurnTaking.SERVER, voice_trigger=True, barge_in=True)
ONLINE = Dialogue(link=LinkState(online=True))
ALL_EVENTS = get_args(e.DialogueEvent)
EXAMPLES: list[e.DialogueEvent] = [
    e.TalkPressed(),
    e.TalkPressed(Trigger.COMMAND),
    e.TalkTapped(),
    e.TalkHeld(),
    e.TalkReleased(),
    e.TalkWithdrawn(),
    e.StopAsked(),
    e.MuteSet(True),
    e.MuteSet(False),
    e.TextAsked("what time is it?"),
    e.SpeechStarted(64_000),
    e.SpeechPaused(),
    e.SpeechResumed(),
    e.SpeechEnded(),
    *(e.TimerFired(timer) for timer in Timer),
    *(e.UtteranceSent(turn) for turn in range(1, 4)),
    e.ReplyStarted(),
    e.ReplyIsWhole(),
    *(e.ReplyRanDry(turn, all_here) for turn in (1, 2) for all_here in (False, True)),
    e.ReplyWentOn(),
    e.ReplyEnded(),
    e.ReplyEnded("RESPONSE_REJECTED"),
    e.ReplyInterrupted(),
    *(e.PlaybackDrained(turn) for turn in range(1, 4)),
    e.LinkUp(),
    e.LinkLost(),
    e.LinkLost(trouble=False),
    e.LinkRefused(),
    e.LinkRefused(quota=True),
    *(kind(turn) for turn in (1, 2) for kind in (e.SecondUp, e.SecondLost)),
    *(e.SecondAnswers(turn, 1.0) for turn in (1, 2)),
    e.ToolsBusy(True),
    *(e.ToolsBusy(False, reply_due) for reply_due in (False, True)),
    e.EndAsked(),
    e.MicLost(),
    e.MicBack(),
]


def run(events: list[e.DialogueEvent], policy: Policy = DEVICE, state: Dialogue = ONLINE) -> Dialogue:
    """The state after the events, from idle."""
    for event in events:
        state, _ = advance(state, event, policy)
    return state


def last_actions(events: list[e.DialogueEvent], policy: Policy = DEVICE) -> tuple[Action, ...]:
    """What the last of the events asks for."""
    state = run(events[:-1], policy)
    return advance(state, events[-1], policy)[1]


def kinds(actions: tuple[Action, ...]) -> list[type]:
    return [type(action) for action in actions]


TAPPED: list[e.DialogueEvent] = [e.TalkPressed(), e.TalkTapped()]
SPOKEN = [*TAPPED, e.SpeechStarted(1000), e.SpeechEnded()]
ASKED = [*SPOKEN, e.UtteranceSent(1)]
ANSWERING = [*ASKED, e.ReplyStarted()]
ANSWERED = [*ANSWERING, e.ReplyEnded(), e.PlaybackDrained(1)]
