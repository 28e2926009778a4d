"""The connection's state table: pair by pair, and under random sequences of events."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.errors import IllegalTransition
from daemon.session.failures import Failure, FailureKind, Retry
from daemon.session.link import (
    TABLE,
    Answered,
    Asked,
    Busy,
    Connected,
    Failed,
    Handed,
    Leaving,
    Link,
    LinkEvent,
    LinkPhase,
    LinkPolicy,
    NetworkBack,
    Renew,
    Tick,
    back_off_s,
    next_wake_s,
    step,
)

POLICY = LinkPolicy()


def fail(kind: FailureKind, at_s: float, jitter: float = 0.5) -> Failed:
    return Failed(Failure(kind, "as planned"), at_s, jitter)


def run(*events: LinkEvent, link: Link | None = None) -> Link:
    link = link or Link()
    for event in events:
        link = step(link, event, POLICY)
    return link


ONLINE = run(Asked(0.0), Connected(1.0))
TALKING = run(Busy(True, 2.0), link=ONLINE)


def test_every_phase_has_a_row_for_every_event() -> None:
    for phase in LinkPhase:
        assert set(TABLE[phase]) == set(get_args(LinkEvent)), phase


def test_an_unknown_event_raises_illegal_transition() -> None:
    with pytest.raises(IllegalTransition):
        step(Link(), "nonsense", POLICY)  # type: ignore[arg-type]  # that is the point


def test_a_trigger_connects() -> None:
    assert run(Asked(0.0)).phase is LinkPhase.CONNECTING
    assert ONLINE.phase is LinkPhase.ONLINE


def test_an_idle_link_is_closed_and_a_busy_one_is_not() -> None:
    late_s = 1.0 + POLICY.idle_close_s
    assert run(Tick(late_s), link=ONLINE).phase is LinkPhase.OFFLINE
    assert run(Tick(late_s), link=TALKING).phase is LinkPhase.ONLINE


def test_the_idle_time_begins_with_the_end_of_the_turn() -> None:
    idle = run(Busy(False, 100.0), link=TALKING)
    assert next_wake_s(idle, POLICY) == 100.0 + POLICY.idle_close_s


class TestRotation:
    def test_happens_at_once_when_idle(self) -> None:
        assert run(Leaving(50.0, 10.0), link=ONLINE).phase is LinkPhase.ROTATING

    @pytest.mark.parametrize("busy", [False, True])
    @pytest.mark.parametrize("left_s", [None, 5.0, 300.0])
    def test_is_not_hurried_twice_running(self, left_s: float | None, busy: bool) -> None:
        hurried = run(Leaving(50.0, 2.0), Connected(3.0), link=ONLINE)
        told = run(Busy(busy, 3.5), Leaving(left_s, 4.0), link=hurried)
        assert told.phase is LinkPhase.ONLINE
        proven_s = 3.0 + POLICY.proven_after_s
        assert (next_wake_s(told, POLICY) or 0.0) >= proven_s
        rotated = run(Busy(False, proven_s), Connected(proven_s + 1.0), link=told)
        assert run(Leaving(50.0, proven_s + 2.0), link=rotated).phase is LinkPhase.ROTATING

    def test_does_not_put_off_the_end_of_an_idle_link(self) -> None:
        rotated = run(Leaving(50.0, 100.0), Connected(101.0), link=ONLINE)
        assert run(Tick(1.0 + POLICY.idle_close_s), link=rotated).phase is LinkPhase.OFFLINE

    def test_of_a_server_that_always_announces_the_end_is_rare_and_ends(self) -> None:
        link = run(Asked(0.0))
        now_s = 0.0
        while link.phase is not LinkPhase.OFFLINE and link.connects < 100:
            if link.phase is LinkPhase.ONLINE:
                now_s = max(now_s, next_wake_s(link, POLICY) or now_s)
                link = run(Tick(now_s), link=link)
            else:
                link = run(Connected(now_s + 0.3), Leaving(300.0, now_s + 1.0), link=link)
        assert now_s <= POLICY.idle_close_s + 1.0
        assert link.connects <= 2 * POLICY.idle_close_s / POLICY.proven_after_s

    def test_waits_for_the_end_of_the_turn(self) -> None:
        told = run(Leaving(50.0, 10.0), link=TALKING)
        assert told.phase is LinkPhase.ONLINE
        assert run(Busy(False, 20.0), link=told).phase is LinkPhase.ROTATING

    def test_happens_in_mid_turn_ten_seconds_before_the_end(self) -> None:
        told = run(Leaving(50.0, 10.0), link=TALKING)
        assert next_wake_s(told, POLICY) == 50.0
        assert run(Tick(49.9), link=told).phase is LinkPhase.ONLINE
        assert run(Tick(50.0), link=told).phase is LinkPhase.ROTATING

    def test_without_an_announced_time_expects_the_shortest_that_is_known(self) -> None:
        told = run(Leaving(None, 10.0), link=TALKING)
        assert next_wake_s(told, POLICY) == 10.0 + POLICY.unannounced_left_s - POLICY.leave_margin_s

    def test_happens_by_age_without_an_announcement(self) -> None:
        aged = replace(ONLINE, idle_since_s=500.0)
        assert run(Tick(1.0 + POLICY.max_age_s), link=aged).phase is LinkPhase.ROTATING

    def test_forced_by_age_leaves_a_turn_some_time(self) -> None:
        assert run(Tick(1.0 + POLICY.max_age_s), link=TALKING).phase is LinkPhase.ONLINE
        late_s = 1.0 + POLICY.max_age_s + POLICY.unannounced_left_s
        assert run(Tick(late_s), link=TALKING).phase is LinkPhase.ROTATING

    def test_ends_online_with_a_clean_slate(self) -> None:
        back = run(Leaving(50.0, 10.0), Connected(11.0), link=ONLINE)
        assert (back.phase, back.leave_by_s, back.since_s) == (LinkPhase.ONLINE, None, 11.0)

    def test_on_demand_may_drop_the_handle(self) -> None:
        handed = run(Handed("h1", 2.0), link=ONLINE)
        assert run(Renew(keep_handle=False, at_s=3.0), link=handed).handle is None
        assert run(Renew(keep_handle=True, at_s=3.0), link=handed).handle is not None

    def test_a_session_of_no_use_hands_over_nothing_while_it_is_left(self) -> None:
        left = run(Renew(keep_handle=False, at_s=3.0), Handed("h1", 3.1), link=ONLINE)
        assert left.handle is None
        assert run(Connected(4.0), Handed("h2", 4.1), link=left).handle is not None
        assert run(Renew(keep_handle=True, at_s=3.0), Handed("h1", 3.1), link=ONLINE).handle is not None


class TestHandles:
    def test_the_newest_counts_and_none_does_not_void_it(self) -> None:
        link = run(Handed("h1", 2.0), Handed("h2", 3.0), Handed(None, 4.0), link=ONLINE)
        assert link.usable_handle(5.0, POLICY) == "h2"

    @pytest.mark.parametrize("at_rest", [Link(), run(Asked(0.0))])
    def test_a_suspect_one_is_dropped_also_while_there_is_no_connection(self, at_rest: Link) -> None:
        link = run(Handed("h1", 2.0), Renew(keep_handle=False, at_s=3.0), link=at_rest)
        assert (link.handle, link.phase) == (None, at_rest.phase)

    def test_an_old_one_is_not_used(self) -> None:
        link = run(Handed("h1", 2.0), link=ONLINE)
        assert link.usable_handle(2.0 + POLICY.handle_life_s + 1, POLICY) is None

    def test_a_poisoned_one_is_dropped_and_a_fresh_session_begun_at_once(self) -> None:
        link = run(Handed("h1", 2.0), Busy(True, 3.0), fail(FailureKind.POISONED_HANDLE, 4.0), link=ONLINE)
        assert (link.phase, link.handle) == (LinkPhase.CONNECTING, None)

    def test_a_transient_failure_keeps_it(self) -> None:
        link = run(Handed("h1", 2.0), fail(FailureKind.TRANSIENT, 4.0), link=TALKING)
        assert link.handle is not None

    def test_one_that_is_not_accepted_twice_is_given_up_for_a_fresh_session(self) -> None:
        """After a lost path the server may hold the old connection for minutes, and refuses with 1011."""
        refused = Failure(FailureKind.TRANSIENT, "as planned", resuming=True)
        once = run(Handed("h1", 2.0), Failed(refused, 4.0, 0.5), link=TALKING)
        assert once.handle is not None
        assert run(Failed(refused, 5.0, 0.5), link=run(Asked(4.5), link=once)).handle is None

    def test_a_refusal_long_ago_is_forgotten_once_connected(self) -> None:
        refused = Failure(FailureKind.TRANSIENT, "as planned", resuming=True)
        link = run(Handed("h1", 2.0), Failed(refused, 4.0, 0.5), Asked(4.5), Connected(5.0), link=TALKING)
        assert run(Failed(refused, 6.0, 0.5), link=link).handle is not None


class TestBackOff:
    def test_a_network_failure_waits_then_tries_again(self) -> None:
        link = run(Asked(0.0), fail(FailureKind.NETWORK, 1.0))
        assert link.phase is LinkPhase.BACKING_OFF
        due_s = next_wake_s(link, POLICY)
        assert due_s is not None
        assert run(Tick(due_s - 0.01), link=link).phase is LinkPhase.BACKING_OFF
        assert run(Tick(due_s), link=link).phase is LinkPhase.CONNECTING

    @pytest.mark.parametrize("event", [Asked(1.1), NetworkBack(1.1)])
    def test_is_cut_short_by_the_user_and_by_the_network(self, event: LinkEvent) -> None:
        link = run(Asked(0.0), fail(FailureKind.NETWORK, 1.0), event)
        assert link.phase is LinkPhase.CONNECTING

    def test_grows_to_its_limit_and_is_never_shorter_than_its_first(self) -> None:
        longest = [back_off_s(tries, Retry.BACK_OFF, 1.0, POLICY) for tries in range(1, 5000, 7)]
        shortest = [back_off_s(tries, Retry.BACK_OFF, 0.0, POLICY) for tries in range(1, 30)]
        assert longest == sorted(longest)
        assert (longest[0], longest[-1]) == (1.0, POLICY.longest_back_off_s)
        assert set(shortest) == {POLICY.first_back_off_s}

    def test_starts_over_only_after_the_connection_proved_itself(self) -> None:
        flapping = run(Asked(0.0), fail(FailureKind.NETWORK, 1.0), Asked(2.0), Connected(3.0))
        assert flapping.tries == 1
        assert run(Answered(4.0), link=flapping).tries == 0
        assert run(Tick(3.0 + POLICY.proven_after_s), link=flapping).tries == 0

    def test_an_immediate_retry_that_fails_again_backs_off(self) -> None:
        once = run(fail(FailureKind.HALF_OPEN, 3.0), link=TALKING)
        twice = run(fail(FailureKind.HALF_OPEN, 4.0), link=once)
        assert (once.phase, twice.phase) == (LinkPhase.CONNECTING, LinkPhase.BACKING_OFF)

    def test_is_next_to_nothing_after_a_good_connection_was_lost_in_a_turn(self) -> None:
        link = run(fail(FailureKind.TRANSIENT, 60.0, jitter=1.0), link=TALKING)
        assert link.next_try_s - 60.0 == pytest.approx(POLICY.first_pause_s)

    def test_is_short_while_the_user_waits_however_often_it_failed(self) -> None:
        link, at_s = TALKING, 60.0
        for _ in range(20):
            link = run(fail(FailureKind.NETWORK, at_s, jitter=1.0), link=link)
            assert link.next_try_s - at_s <= POLICY.longest_busy_back_off_s
            at_s = link.next_try_s
            link = run(Tick(at_s), link=link)
        assert link.tries == 20

    def test_for_a_quota_is_long(self) -> None:
        link = run(fail(FailureKind.QUOTA, 1.0), link=TALKING)
        assert link.next_try_s - 1.0 >= POLICY.slow_back_off_s
        assert run(NetworkBack(2.0), link=link).phase is LinkPhase.BACKING_OFF


class TestRefusal:
    REFUSED = run(Asked(0.0), fail(FailureKind.REFUSED_KEY, 1.0))

    def test_waits_for_a_person(self) -> None:
        assert self.REFUSED.phase is LinkPhase.REFUSED
        assert next_wake_s(self.REFUSED, POLICY) is None
        assert run(Tick(9999.0), NetworkBack(9999.0), link=self.REFUSED).phase is LinkPhase.REFUSED

    def test_lets_the_user_try_again_but_not_all_the_time(self) -> None:
        assert run(Asked(2.0), link=self.REFUSED).phase is LinkPhase.REFUSED
        assert run(Asked(1.0 + POLICY.ask_pause_s), link=self.REFUSED).phase is LinkPhase.CONNECTING


def test_a_drop_while_nobody_needs_the_link_is_no_episode() -> None:
    link = run(fail(FailureKind.TRANSIENT, 5.0), link=ONLINE)
    assert (link.phase, link.failure) == (LinkPhase.OFFLINE, None)


def test_a_failure_is_known_until_a_connection_stands() -> None:
    failed = run(Asked(0.0), fail(FailureKind.NETWORK, 1.0), Asked(2.0), fail(FailureKind.NETWORK, 3.0))
    assert failed.failed_since_s == 1.0
    assert run(Asked(4.0), Connected(5.0), link=failed).failure is None


# --- properties ------------------------------------------------------------------------------------


@st.composite
def histories(draw: st.DrawFn) -> list[LinkEvent]:
    """Events in the order of their times, which never go back."""
    now_s, events = 0.0, list[LinkEvent]()
    for _ in range(draw(st.integers(0, 40))):
        now_s += draw(st.floats(0, 700))
        choices: list[LinkEvent] = [
            Asked(now_s),
            Busy(True, now_s),
            Busy(False, now_s),
            NetworkBack(now_s),
            Connected(now_s),
            Answered(now_s),
            Leaving(50.0, now_s),
            Leaving(None, now_s),
            Handed("h", now_s),
            Handed(None, now_s),
            Renew(True, now_s),
            Renew(False, now_s),
            Tick(now_s),
            *(fail(kind, now_s) for kind in FailureKind),
        ]
        events.append(draw(st.sampled_from(choices)))
    return events


@given(histories())
@settings(max_examples=150)
def test_no_history_reaches_an_undefined_pair(events: list[LinkEvent]) -> None:
    run(*events)


@given(histories())
@settings(max_examples=150)
def test_a_trigger_and_patience_always_lead_to_a_try(events: list[LinkEvent]) -> None:
    """No phase is for ever: after a pause, the user's trigger finds a link or makes one."""
    link = run(*events)
    later_s = 1e6
    asked = run(Tick(later_s), Asked(later_s), link=link)
    assert asked.phase in (LinkPhase.CONNECTING, LinkPhase.ONLINE, LinkPhase.ROTATING)


@given(histories())
@settings(max_examples=150)
def test_a_busy_link_is_never_left_offline_by_a_passing_failure(events: list[LinkEvent]) -> None:
    link = run(*events, Busy(True, 1e6), Asked(1e6), fail(FailureKind.TRANSIENT, 1e6 + 1))
    assert link.phase in (LinkPhase.CONNECTING, LinkPhase.BACKING_OFF)


@given(histories())
@settings(max_examples=150)
def test_waiting_always_says_until_when(events: list[LinkEvent]) -> None:
    link = run(*events)
    if link.phase in (LinkPhase.BACKING_OFF, LinkPhase.ONLINE):
        assert next_wake_s(link, POLICY) is not None
