"""The newest log lines for a page: our own, without keys, and without what anybody has said."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from daemon.runtime.newest_lines import LINES, PRIVATE, NewestLines, keep_newest

KEY = "AIzaSyT3st-Not_A-Real-Key-0123456789abcdef"


@pytest.fixture
def logger() -> Iterator[logging.Logger]:
    """One of its own, as the root is for all."""
    found = logging.getLogger("daemon.of_this_test")
    found.setLevel(logging.DEBUG)
    found.propagate = False
    yield found
    found.handlers.clear()


def texts(kept: NewestLines) -> list[str]:
    return [line.text for line in kept.lines()]


async def test_a_line_is_kept_with_its_time_and_severity(logger: logging.Logger) -> None:
    kept = keep_newest(logger)
    logger.warning("the microphone is %s", "gone")
    told = (await kept.handle_command({}))["lines"]
    assert [(line["level"], line["text"]) for line in told] == [("warning", "the microphone is gone")]
    assert told[0]["at_s"] > 1e9


def test_the_oldest_goes(logger: logging.Logger) -> None:
    kept = keep_newest(logger)
    for number in range(LINES + 2):
        logger.info("line %d", number)
    assert (len(texts(kept)), texts(kept)[0]) == (LINES, "line 2")


def test_no_key_and_no_control_sequence_is_kept(logger: logging.Logger) -> None:
    kept = keep_newest(logger)
    logger.error("refused: %s\x1b[2J", KEY)
    assert KEY not in texts(kept)[0]
    assert "\x1b" not in texts(kept)[0]


def test_what_somebody_said_is_not_kept(logger: logging.Logger) -> None:
    kept = keep_newest(logger)
    logger.info("user: %s", "my secret", extra=PRIVATE)
    assert texts(kept) == []


def test_what_programs_say_to_each_other_is_not_kept(logger: logging.Logger) -> None:
    kept = keep_newest(logger)
    logger.debug("a message")
    assert texts(kept) == []


def test_lines_of_libraries_are_not_kept() -> None:
    kept = NewestLines()
    kept.handle(logging.LogRecord("websockets", logging.ERROR, "", 0, "a header", None, None))
    assert texts(kept) == []


def test_a_line_that_cannot_be_put_into_words_ends_nobody() -> None:
    kept = NewestLines()
    kept.handle(logging.LogRecord("daemon", logging.ERROR, "", 0, "%d", ("no number",), None))
    assert texts(kept) == []


def test_one_keeper_takes_the_place_of_another(logger: logging.Logger) -> None:
    first, second = keep_newest(logger), keep_newest(logger)
    logger.info("once")
    assert (texts(first), texts(second)) == ([], ["once"])
