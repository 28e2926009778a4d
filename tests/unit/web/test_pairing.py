"""Codes, wrong codes, and the press: what lets somebody in, and what stops who tries."""

from __future__ import annotations

import pytest

from daemon.web.gate.pairing import (
    CODE_S,
    MAX_ADDRESSES,
    MAX_CODES,
    PRESS_S,
    PRESSES_UNANSWERED,
    WAIT_S,
    WRONG_IN_ALL,
    WRONG_OF_ADDRESS,
    PairCode,
    Pairing,
    digest_of,
    shown,
    signs_of,
)
from daemon.web.gate.refusals import RefusalName

CODE = "ABCD2345"
HOME = "10.0.0.1"
GOOD = PairCode(digest=digest_of(CODE), ends_s=CODE_S)


def table(*codes: PairCode, opened: int = 1) -> Pairing:
    pairing = Pairing()
    pairing.know(codes or [GOOD], opened)
    return pairing


def wrong_from(pairing: Pairing, address: str, times: int, now_s: float = 0.0) -> list[object]:
    return [pairing.enter("WRONGXXX", address, now_s) for _ in range(times)]


@pytest.mark.parametrize("typed", [CODE, "abcd-2345", " ABCD 2345 ", "a b c d-2 3 4 5"])
def test_a_code_lets_in_however_it_is_typed(typed: str) -> None:
    assert table().enter(typed, HOME, 0.0) == GOOD


@pytest.mark.parametrize("typed", ["", "ABCD234", "ABCD23456", "ABCD2346", "\udc80", "x" * 10_000])
def test_all_else_does_not(typed: str) -> None:
    assert table().enter(typed, HOME, 0.0) is RefusalName.WRONG_CODE


def test_a_code_is_good_once() -> None:
    pairing = table()
    pairing.enter(CODE, HOME, 0.0)
    assert pairing.enter(CODE, HOME, 0.0) is RefusalName.WRONG_CODE


def test_a_code_is_good_for_ten_minutes() -> None:
    assert table().enter(CODE, HOME, CODE_S - 1) == GOOD
    assert table().enter(CODE, HOME, CODE_S) is RefusalName.WRONG_CODE


def test_more_codes_than_are_remembered_push_out_the_oldest() -> None:
    codes = [PairCode(digest=digest_of(f"CODE{number}"), ends_s=CODE_S) for number in range(MAX_CODES + 1)]
    pairing = table(*codes)
    assert pairing.enter("CODE0", HOME, 0.0) is RefusalName.WRONG_CODE
    assert pairing.enter("CODE1", HOME, 0.0) == codes[1]


def test_after_five_wrong_codes_an_address_waits_also_with_the_right_one() -> None:
    pairing = table()
    assert wrong_from(pairing, HOME, WRONG_OF_ADDRESS) == [RefusalName.WRONG_CODE] * WRONG_OF_ADDRESS
    assert pairing.enter(CODE, HOME, 1.0) is RefusalName.MUST_WAIT
    assert pairing.waits_s(HOME, 1.0) == WAIT_S - 1
    assert pairing.ask_press(HOME, 1.0) is RefusalName.MUST_WAIT


def test_another_address_does_not_wait() -> None:
    pairing = table()
    wrong_from(pairing, HOME, WRONG_OF_ADDRESS)
    assert pairing.enter(CODE, "10.0.0.2", 1.0) == GOOD


def test_after_the_wait_it_may_try_again() -> None:
    pairing = table(PairCode(digest=digest_of(CODE), ends_s=2 * WAIT_S))
    wrong_from(pairing, HOME, WRONG_OF_ADDRESS)
    assert isinstance(pairing.enter(CODE, HOME, WAIT_S), PairCode)


def test_after_twenty_wrong_codes_in_all_pairing_is_off_until_a_terminal_opens_it() -> None:
    pairing = table()
    for number in range(WRONG_IN_ALL):
        wrong_from(pairing, f"10.0.1.{number}", 1)
    assert pairing.is_off
    assert pairing.enter(CODE, HOME, 0.0) is RefusalName.PAIRING_OFF
    assert pairing.ask_press(HOME, 0.0) is RefusalName.PAIRING_OFF
    pairing.know([GOOD], opened=1)  # a code that a page made opens nothing
    assert pairing.is_off
    pairing.know([GOOD], opened=2)
    assert pairing.enter(CODE, HOME, 0.0) == GOOD


def test_the_addresses_are_bounded_and_the_sum_is_kept() -> None:
    pairing = table()
    for number in range(WRONG_IN_ALL - 1):
        wrong_from(pairing, f"10.0.1.{number}", 1)
    assert not pairing.is_off
    assert MAX_ADDRESSES >= WRONG_IN_ALL
    wrong_from(pairing, HOME, 1)
    assert pairing.is_off


def test_a_press_lets_in_the_one_who_asked() -> None:
    pairing = table()
    assert pairing.ask_press(HOME, 0.0) is None
    assert pairing.pressed(PRESS_S - 1) is None
    assert pairing.pressed(PRESS_S - 1) is RefusalName.NOT_PRESSED  # it is used up


def test_a_press_that_comes_too_late_lets_nobody_in() -> None:
    pairing = table()
    pairing.ask_press(HOME, 0.0)
    assert pairing.pressed(PRESS_S) is RefusalName.NOT_PRESSED


def test_where_two_ask_a_press_lets_in_neither() -> None:
    pairing = table()
    pairing.ask_press(HOME, 0.0)
    assert pairing.ask_press("10.0.0.66", 1.0) is RefusalName.PRESS_BUSY
    assert pairing.is_contested
    assert pairing.pressed(2.0) is RefusalName.PRESS_BUSY
    assert pairing.ask_press(HOME, PRESS_S) is None
    assert pairing.pressed(PRESS_S + 1) is None


def test_who_asks_again_and_again_and_is_not_answered_turns_it_off() -> None:
    pairing = table()
    for number in range(PRESSES_UNANSWERED):
        assert pairing.ask_press(HOME, number * PRESS_S) is None
    assert pairing.ask_press(HOME, PRESSES_UNANSWERED * PRESS_S) is RefusalName.PAIRING_OFF


def test_a_press_that_was_answered_counts_for_nothing() -> None:
    pairing = table()
    for number in range(3 * PRESSES_UNANSWERED):
        assert pairing.ask_press(HOME, number * PRESS_S) is None
        assert pairing.pressed(number * PRESS_S + 1) is None


def test_a_code_is_shown_in_two_halves_and_read_back() -> None:
    assert shown(CODE) == "ABCD-2345"
    assert signs_of(shown(CODE)) == CODE
