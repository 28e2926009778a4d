"""What is said when something is wrong: the words, when, how often, and the recordings of them."""

from __future__ import annotations

import pytest

from daemon.session.failures import TREATMENTS, FailureKind, Retry
from daemon.speaking.earcons import MELODIES
from daemon.speaking.messages import (
    MEANINGS,
    REPEAT_AFTER_S,
    TONES,
    WORDS,
    Message,
    Reticence,
    earcon_table,
    message_for,
)
from daemon.words import Earcon

NEEDS_NO_WORDS = (Earcon.LISTENING, Earcon.DONE, Earcon.MUTED, Earcon.UNMUTED, Earcon.LOOK)

# --- which words


@pytest.mark.parametrize(
    ("earcon", "failure", "message"),
    [
        (Earcon.OFFLINE, None, Message.OFFLINE),
        (Earcon.OFFLINE, FailureKind.NETWORK, Message.OFFLINE),
        (Earcon.OFFLINE, FailureKind.TRANSIENT, Message.NO_SERVICE),
        (Earcon.OFFLINE, FailureKind.CLOCK, Message.CLOCK),
        (Earcon.OFFLINE, FailureKind.INTERCEPTED, Message.INTERCEPTED),
        (Earcon.REFUSED, FailureKind.REFUSED_KEY, Message.REFUSED_KEY),
        (Earcon.REFUSED, FailureKind.REFUSED_MODEL, Message.REFUSED),
        (Earcon.REFUSED, FailureKind.REFUSED_CONFIG, Message.REFUSED),
        (Earcon.QUOTA, FailureKind.QUOTA, Message.QUOTA),
        (Earcon.NO_MIC, None, Message.NO_MICROPHONE),
        (Earcon.NO_MIC, FailureKind.NETWORK, Message.NO_MICROPHONE),
        (Earcon.ERROR, None, Message.ERROR),
        (Earcon.ERROR, FailureKind.NETWORK, Message.ERROR),
    ],
)
def test_the_words_fit_the_tone_and_the_failure(
    earcon: Earcon, failure: FailureKind | None, message: Message
) -> None:
    assert message_for(earcon, failure) is message


@pytest.mark.parametrize("failure", FailureKind)
def test_only_what_is_tried_again_is_promised_to_be(failure: FailureKind) -> None:
    message = message_for(Earcon.OFFLINE, failure)
    assert message is not None
    promises = "keep trying" in WORDS[message]
    assert not (promises and TREATMENTS[failure].retry in (Retry.WHEN_ASKED, Retry.SLOWLY))


@pytest.mark.parametrize("earcon", NEEDS_NO_WORDS)
@pytest.mark.parametrize("failure", [None, *FailureKind])
def test_a_tone_that_tells_of_no_fault_has_no_words(earcon: Earcon, failure: FailureKind | None) -> None:
    assert message_for(earcon, failure) is None


# --- how often


def test_the_same_words_are_said_again_only_after_a_minute() -> None:
    reticence = Reticence()
    asked_at_s = [1000.0, 1001.0, 1000.0 + REPEAT_AFTER_S - 0.1, 1000.0 + REPEAT_AFTER_S]
    said = [reticence.may_say(Message.REFUSED_KEY, now_s) for now_s in asked_at_s]
    assert said == [True, False, False, True]


def test_other_words_are_said_at_once() -> None:
    reticence = Reticence()
    assert all(reticence.may_say(message, 1000.0) for message in Message)


# --- the table


def test_the_table_has_a_row_for_each_earcon_and_all_the_words_once() -> None:
    table = earcon_table()
    assert len(table.splitlines()) == 2 + len(Earcon)
    assert all(table.count(f"“{words}”") == 1 for words in WORDS.values())


def test_the_table_tells_tones_apart() -> None:
    assert len(set(TONES.values())) == len(set(MEANINGS.values())) == len(Earcon)


@pytest.mark.parametrize("earcon", Earcon)
def test_the_table_counts_the_notes_rightly(earcon: Earcon) -> None:
    notes = sum(note.pitch_hz > 0 for note in MELODIES[earcon])
    assert TONES[earcon].split()[0] == {2: "two", 3: "three", 4: "four"}[notes]
