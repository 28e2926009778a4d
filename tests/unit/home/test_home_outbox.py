"""What waits to be published, and how long is waited for a broker."""

from __future__ import annotations

from daemon.home.outbox import (
    EVENT_LIFE_S,
    FIRST_PAUSE_S,
    LONGEST_PAUSE_S,
    MAX_EVENTS,
    STATE_PAUSE_S,
    BrokerOutbox,
    Outgoing,
    pause_s,
)


def state(word: str) -> Outgoing:
    return Outgoing(topic="state", payload=word, retain=True)


def event(number: int) -> Outgoing:
    return Outgoing(topic="event", payload=str(number))


def test_a_state_is_told_once() -> None:
    outbox = BrokerOutbox()
    assert outbox.state_in_s(0.0) is None
    outbox.put_state(state("idle"))
    assert outbox.state_in_s(0.0) == 0.0
    assert list(outbox.take(0.0)) == [state("idle")]
    outbox.put_state(state("idle"))
    assert outbox.state_in_s(10.0) is None
    assert list(outbox.take(10.0)) == []


def test_of_many_states_in_a_row_the_newest_is_told_five_times_a_second() -> None:
    outbox = BrokerOutbox()
    told = []
    for tick in range(100):  # 1 s
        outbox.put_state(state(str(tick)))
        told += list(outbox.take(tick / 100))
    assert len(told) == 5
    assert outbox.state_in_s(0.99) is not None
    assert list(outbox.take(0.99 + STATE_PAUSE_S)) == [state("99")]


def test_events_go_in_their_order_and_before_the_state() -> None:
    outbox = BrokerOutbox()
    outbox.put_state(state("idle"))
    for number in range(3):
        outbox.put_event(event(number), 0.0)
    assert list(outbox.take(0.0)) == [event(0), event(1), event(2), state("idle")]


def test_of_too_many_events_the_oldest_are_dropped_and_counted() -> None:
    outbox = BrokerOutbox()
    for number in range(MAX_EVENTS + 3):
        outbox.put_event(event(number), 0.0)
    assert [one.payload for one in outbox.take(0.0)] == [str(number) for number in range(3, MAX_EVENTS + 3)]
    assert outbox.events_dropped == 3


def test_an_event_that_nobody_took_in_time_is_dropped_and_counted() -> None:
    outbox = BrokerOutbox()
    outbox.put_event(event(1), 0.0)
    outbox.put_event(event(2), 10.0)
    assert list(outbox.take(EVENT_LIFE_S + 5.0)) == [event(2)]
    assert outbox.events_dropped == 1


def test_whoever_listens_anew_is_told_the_state_at_once() -> None:
    outbox = BrokerOutbox()
    outbox.put_state(state("idle"))
    list(outbox.take(0.0))
    outbox.forget_told()
    assert list(outbox.take(0.0)) == [state("idle")]


def test_the_pauses_grow_from_a_second_to_a_minute_and_are_spread() -> None:
    longest = [pause_s(failures, 1.0) for failures in range(1, 12)]
    shortest = [pause_s(failures, 0.0) for failures in range(1, 12)]
    assert longest == [2.0, 4.0, 8.0, 16.0, 32.0, *[LONGEST_PAUSE_S] * 6]
    assert shortest == [FIRST_PAUSE_S, 2.0, 4.0, 8.0, 16.0, *[LONGEST_PAUSE_S / 2] * 6]
    assert pause_s(10_000, 1.0) == LONGEST_PAUSE_S
