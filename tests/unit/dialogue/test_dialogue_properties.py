"""What holds of the turn's state table under random sequences of events."""

from __future__ import annotations

from dataclasses import replace

from dialogue_runs import (
    EXAMPLES,
    ONLINE,
    run,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon import events as e
from daemon.dialogue import actions as do
from daemon.dialogue.state import Policy, Talk, TurnState, TurnTaking
from daemon.dialogue.table import advance
from daemon.events import Timer, Trigger
from daemon.words import Phase

policies = st.builds(
    Policy,
    turn_taking=st.sampled_from(TurnTaking),
    voice_trigger=st.booleans(),
    barge_in=st.booleans(),
    follow_up_s=st.sampled_from([0.0, 6.0]),
)


@given(policies, st.lists(st.sampled_from(EXAMPLES), max_size=60))
@settings(max_examples=150)
def test_no_sequence_of_events_reaches_an_undefined_pair(
    policy: Policy, events: list[e.DialogueEvent]
) -> None:
    run(events, policy)


@given(policies, st.lists(st.sampled_from(EXAMPLES), max_size=60))
@settings(max_examples=150)
def test_a_press_wakes_the_device_from_every_state(policy: Policy, events: list[e.DialogueEvent]) -> None:
    """No state is deaf: unmuted, with a microphone, and stopped first, a press always listens."""
    state = run([*events, e.StopAsked(), e.MuteSet(False), e.MicBack(), e.TalkPressed()], policy)
    assert state.phase is Phase.LISTENING


@given(policies, st.lists(st.sampled_from(EXAMPLES), max_size=60))
@settings(max_examples=150)
def test_nothing_streams_while_muted(policy: Policy, events: list[e.DialogueEvent]) -> None:
    state = run(events, policy)
    assert not (state.mic.muted and state.mic_streaming)


@given(policies, st.lists(st.sampled_from(EXAMPLES), max_size=60))
@settings(max_examples=150)
def test_an_utterance_is_open_exactly_while_the_light_says_so(
    policy: Policy, events: list[e.DialogueEvent]
) -> None:
    """Replays the actions: what may leave the device, against the state's own promise."""
    state, leaving = ONLINE, False
    for event in events:
        state, actions = advance(state, event, policy)
        for action in actions:
            if isinstance(action, do.OpenUtterance | do.ResumeUplink):
                leaving = True
            elif isinstance(action, do.CancelUtterance | do.PauseUplink):
                leaving = False
        if state.turn.talk is Talk.STREAM and not state.mic_streaming:
            leaving = False  # a stream that was closed leaves nothing behind
        if isinstance(event, e.UtteranceSent) and state.phase is Phase.THINKING:
            leaving = False
        if state.phase in (Phase.THINKING, Phase.SPEAKING) and state.turn.talk is not Talk.STREAM:
            leaving = False  # all of it was sent, or the reply has settled it
        if state.phase is Phase.SENDING:
            leaving = True
        assert state.mic_streaming == leaving, (event, state)


@given(policies, st.lists(st.sampled_from(EXAMPLES), max_size=60))
@settings(max_examples=150)
def test_every_state_that_waits_has_a_timer_or_a_person_to_end_it(
    policy: Policy, events: list[e.DialogueEvent]
) -> None:
    """SENDING and THINKING end by ANSWER, FOLLOW_UP by its own, LISTENING by one of three or by a hold."""
    state, armed = ONLINE, set[Timer]()
    for event in events:
        if isinstance(event, e.TimerFired):
            if event.timer not in armed:
                continue
            armed.discard(event.timer)
        state, actions = advance(state, event, policy)
        for action in actions:
            if isinstance(action, do.StartTimer):
                armed.add(action.timer)
            elif isinstance(action, do.StopTimer):
                armed.discard(action.timer)
        match state.phase:
            case Phase.SENDING | Phase.THINKING:
                assert Timer.ANSWER in armed, (event, state)
            case Phase.FOLLOW_UP:
                assert Timer.FOLLOW_UP in armed, (event, state)
            case Phase.LISTENING if not policy.by_server:
                assert Timer.MAX_UTTERANCE in armed, (event, state)


@given(policies, st.lists(st.tuples(st.sampled_from(EXAMPLES), st.booleans()), max_size=60))
@settings(max_examples=150)
def test_no_turn_begins_while_none_is_left_and_none_is_refused_while_some_are(
    policy: Policy, events: list[tuple[e.DialogueEvent, bool]]
) -> None:
    """Whatever is under way when the budget is used up is finished, and a refusal says what it refuses."""
    state = ONLINE
    for event, turns_left in events:
        was = state
        state, actions = advance(state, event, replace(policy, turns_left=turns_left))
        refused = [action for action in actions if isinstance(action, do.RefuseTurn)]
        if turns_left:
            assert not refused
        else:
            assert state.turn.number == was.turn.number
            assert not any(isinstance(action, do.OpenUtterance | do.SendText) for action in actions)
        if refused:
            assert state.phase is was.phase or (was.phase, state.phase) == (Phase.SPEAKING, Phase.IDLE)


@given(policies, st.lists(st.sampled_from(EXAMPLES), max_size=60))
@settings(max_examples=150)
def test_with_no_turns_left_a_press_is_refused_aloud_in_every_state_that_would_listen(
    policy: Policy, events: list[e.DialogueEvent]
) -> None:
    """And a reply is silent after it."""
    spent = replace(policy, turns_left=False)
    before = run([*events, e.MuteSet(False), e.MicBack()], policy)
    opens = run([e.TalkPressed()], policy, before).turn.number > before.turn.number
    state, actions = advance(before, e.TalkPressed(), spent)
    assert opens == (do.RefuseTurn(Trigger.BUTTON) in actions)
    assert state.phase is not Phase.SPEAKING


@given(policies, st.lists(st.sampled_from(EXAMPLES), max_size=60))
@settings(max_examples=150)
def test_what_ends_with_the_turn_is_forgotten_at_rest_and_at_the_start_of_the_next(
    policy: Policy, events: list[e.DialogueEvent]
) -> None:
    """No field of a turn outlives it, but its number and how it was to end."""
    state = ONLINE
    for event in events:
        was, (state, _) = state, advance(state, event, policy)
        turn = state.turn
        if state.phase is Phase.IDLE:
            assert turn == TurnState(number=turn.number, talk=turn.talk)
        elif turn.number > was.turn.number:
            assert turn == TurnState(
                number=turn.number, talk=turn.talk, released=turn.released, text=turn.text
            )
