"""Gestures: what a press becomes, at which instant it is told, and what no edge sequence can break."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.conductor.gestures import Gesture, GestureRecogniser
from daemon.config.settings import ButtonSettings

PRESSED, TAPPED, DOUBLE = Gesture.PRESSED, Gesture.TAPPED, Gesture.DOUBLE
HELD, HOLD_RELEASED, LONG = Gesture.HELD, Gesture.HOLD_RELEASED, Gesture.LONG

DEFAULT = ButtonSettings()  # hold 350 ms, double 300 ms, long 3000 ms
LONG_PRESS = replace(DEFAULT, hold="none", long="stop")
TAPS_ONLY = replace(DEFAULT, hold="none", double="none")

Told = tuple[float, Gesture]


def play(settings: ButtonSettings, edges: list[tuple[float, bool]], *, until_s: float = 100.0) -> list[Told]:
    """Feed edges in time order, with the one timer that a caller would set, and note what is told when."""
    recogniser = GestureRecogniser(settings)
    told: list[Told] = []
    for at_s, pressed in [*edges, (until_s, None)]:
        due_s = recogniser.next_deadline_s()
        if due_s is not None and due_s <= at_s:
            told += [(due_s, gesture) for gesture in recogniser.tick(due_s)]
        if pressed is not None:
            told += [(at_s, gesture) for gesture in recogniser.edge(pressed, at_s)]
    return told


def presses(*spans: tuple[float, float]) -> list[tuple[float, bool]]:
    return [edge for down, up in spans for edge in ((down, True), (up, False))]


@pytest.mark.parametrize(
    ("settings", "spans", "expected"),
    [
        pytest.param(DEFAULT, [(1.0, 1.1)], [(1.0, PRESSED), (1.1, TAPPED)], id="tap"),
        pytest.param(DEFAULT, [(1.0, 2.0)], [(1.0, PRESSED), (1.35, HELD), (2.0, HOLD_RELEASED)], id="hold"),
        pytest.param(
            DEFAULT,
            [(1.0, 1.1), (1.3, 1.4)],
            [(1.0, PRESSED), (1.1, TAPPED), (1.3, DOUBLE)],
            id="double press, told at its second press",
        ),
        pytest.param(
            DEFAULT,
            [(1.0, 1.1), (1.3, 5.0)],
            [(1.0, PRESSED), (1.1, TAPPED), (1.3, DOUBLE)],
            id="a double press held down is no hold",
        ),
        pytest.param(
            DEFAULT,
            [(1.0, 1.1), (1.3, 1.4), (1.5, 1.6)],
            [(1.0, PRESSED), (1.1, TAPPED), (1.3, DOUBLE), (1.5, PRESSED), (1.6, TAPPED)],
            id="the third press begins anew",
        ),
        pytest.param(
            DEFAULT,
            [(1.0, 1.1), (1.5, 1.6)],
            [(1.0, PRESSED), (1.1, TAPPED), (1.5, PRESSED), (1.6, TAPPED)],
            id="two slow taps",
        ),
        pytest.param(
            DEFAULT,
            [(1.0, 2.0), (2.1, 2.2)],
            [(1.0, PRESSED), (1.35, HELD), (2.0, HOLD_RELEASED), (2.1, PRESSED), (2.2, TAPPED)],
            id="a tap after a hold is no double press",
        ),
        pytest.param(LONG_PRESS, [(1.0, 6.0)], [(1.0, PRESSED), (4.0, LONG)], id="long press"),
        pytest.param(LONG_PRESS, [(1.0, 2.0)], [(1.0, PRESSED), (2.0, TAPPED)], id="slow tap without hold"),
        pytest.param(
            TAPS_ONLY,
            [(1.0, 1.1), (1.2, 9.0)],
            [(1.0, PRESSED), (1.1, TAPPED), (1.2, PRESSED), (9.0, TAPPED)],
            id="taps only",
        ),
    ],
)
def test_spans_of_presses_give(
    settings: ButtonSettings, spans: list[tuple[float, float]], expected: list[Told]
) -> None:
    told = play(settings, presses(*spans))
    assert [gesture for _, gesture in told] == [gesture for _, gesture in expected]
    assert [at_s for at_s, _ in told] == pytest.approx([at_s for at_s, _ in expected])


def test_a_hold_whose_timer_is_late_is_told_in_full_at_its_release() -> None:
    recogniser = GestureRecogniser(DEFAULT)
    recogniser.edge(True, 1.0)
    assert recogniser.edge(False, 3.0) == [HELD, HOLD_RELEASED]
    assert recogniser.tick(3.1) == []


def test_a_timer_that_fires_early_tells_nothing_and_the_deadline_stays() -> None:
    recogniser = GestureRecogniser(DEFAULT)
    recogniser.edge(True, 1.0)
    assert recogniser.tick(1.3) == []
    assert recogniser.next_deadline_s() == pytest.approx(1.35)


def test_a_lost_release_costs_one_press() -> None:
    edges = [(1.0, True), (3.0, True), (3.1, False), (4.0, True), (4.1, False)]
    assert [gesture for _, gesture in play(DEFAULT, edges)] == [PRESSED, HELD, HOLD_RELEASED, PRESSED, TAPPED]


def test_no_timer_is_wanted_while_the_button_is_up() -> None:
    recogniser = GestureRecogniser(DEFAULT)
    assert recogniser.next_deadline_s() is None
    recogniser.edge(True, 1.0)
    recogniser.edge(False, 1.1)
    assert recogniser.next_deadline_s() is None


def edge_sequences() -> st.SearchStrategy[list[tuple[float, bool]]]:
    """Edges in time order with any levels, gaps between bouncing and minutes."""
    steps = st.tuples(st.sampled_from([0.0, 0.01, 0.1, 0.3, 0.35, 0.4, 3.0, 60.0]), st.booleans())
    return st.lists(steps, max_size=40).map(
        lambda pairs: [(sum(gap for gap, _ in pairs[: at + 1]), pairs[at][1]) for at in range(len(pairs))]
    )


ANY_SETTINGS = st.builds(
    ButtonSettings,
    hold=st.sampled_from(["talk", "none"]),
    double=st.sampled_from(["mute", "none"]),
    long=st.sampled_from(["stop", "none"]),
)

MAY_FOLLOW = {
    None: {PRESSED},
    PRESSED: {TAPPED, HELD, LONG},
    TAPPED: {PRESSED, DOUBLE},
    HELD: {HOLD_RELEASED},
    HOLD_RELEASED: {PRESSED},
    DOUBLE: {PRESSED},
    LONG: {PRESSED},
}


@given(edges=edge_sequences(), settings=ANY_SETTINGS)
def test_gestures_always_follow_the_grammar(
    edges: list[tuple[float, bool]], settings: ButtonSettings
) -> None:
    before = None
    for _, gesture in play(settings, edges, until_s=1e6):
        assert gesture in MAY_FOLLOW[before]
        before = gesture


@given(edges=edge_sequences(), settings=ANY_SETTINGS)
def test_repeated_edges_change_nothing(edges: list[tuple[float, bool]], settings: ButtonSettings) -> None:
    doubled = [edge for edge in edges for _ in range(2)]
    assert play(settings, doubled, until_s=1e6) == play(settings, edges, until_s=1e6)


@given(edges=edge_sequences(), settings=ANY_SETTINGS)
def test_only_gestures_that_mean_something_are_told(
    edges: list[tuple[float, bool]], settings: ButtonSettings
) -> None:
    told = {gesture for _, gesture in play(settings, edges, until_s=1e6)}
    assert not (settings.hold == "none" and told & {HELD, HOLD_RELEASED})
    assert not (settings.double == "none" and DOUBLE in told)
    assert not ((settings.hold != "none" or settings.long == "none") and LONG in told)


@given(edges=edge_sequences(), settings=ANY_SETTINGS)
def test_every_press_that_begins_something_is_told_at_once(
    edges: list[tuple[float, bool]], settings: ButtonSettings
) -> None:
    level, downs = False, []
    for at_s, pressed in edges:
        if pressed and not level:
            downs.append(at_s)
        level = pressed
    assert [at for at, gesture in play(settings, edges, until_s=1e6) if gesture in (PRESSED, DOUBLE)] == downs
