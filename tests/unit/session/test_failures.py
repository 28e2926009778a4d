"""What a failed connection means: one test for each behaviour that is known."""

from __future__ import annotations

import pytest

from daemon.session.failures import TREATMENTS, FailureKind, Retry
from daemon.session.signals import DETAIL_LIMIT, ROWS, Signal, SignalKind, Where, classify, find_row

KNOWN = [
    # a call over plain HTTP, whose errors are those of google.rpc
    (
        Signal(SignalKind.HTTP, Where.CONNECT, 400, "INVALID_ARGUMENT: Unknown name"),
        FailureKind.REFUSED_CONFIG,
    ),
    (
        Signal(SignalKind.HTTP, Where.CONNECT, 400, "INVALID_ARGUMENT: API key not valid."),
        FailureKind.REFUSED_KEY,
    ),
    # close codes and reasons that were seen (live-api.md#closes)
    (Signal(SignalKind.CLOSE, Where.RECEIVE, 1000, "The operation was cancelled."), FailureKind.TRANSIENT),
    (Signal(SignalKind.RESET, Where.RECEIVE, 1006), FailureKind.TRANSIENT),
    (
        Signal(SignalKind.CLOSE, Where.SETUP, 1007, "Request contains an invalid argument."),
        FailureKind.REFUSED_CONFIG,
    ),
    (
        Signal(SignalKind.CLOSE, Where.SETUP, 1007, "Request contains an invalid argument.", resuming=True),
        FailureKind.POISONED_HANDLE,
    ),
    (
        Signal(SignalKind.CLOSE, Where.RECEIVE, 1007, "Precondition check failed."),
        FailureKind.POISONED_HANDLE,
    ),
    (
        Signal(SignalKind.CLOSE, Where.SETUP, 1007, "API key expired. Please renew the API key."),
        FailureKind.REFUSED_KEY,
    ),
    (
        Signal(SignalKind.CLOSE, Where.SETUP, 1007, "API key not valid. Please pass a valid API key."),
        FailureKind.REFUSED_KEY,
    ),
    (
        Signal(
            SignalKind.CLOSE, Where.SETUP, 1007, "Unknown name \"proactivity\" at 'setup': Cannot find field."
        ),
        FailureKind.REFUSED_CONFIG,
    ),
    (
        Signal(SignalKind.CLOSE, Where.SETUP, 1007, "Thinking level is not supported for this model"),
        FailureKind.REFUSED_CONFIG,
    ),
    (
        Signal(SignalKind.CLOSE, Where.SETUP, 1007, "Thinking level must be specified"),
        FailureKind.REFUSED_CONFIG,
    ),
    (Signal(SignalKind.CLOSE, Where.RECEIVE, 1007, "No turn to complete"), FailureKind.POISONED_HANDLE),
    (
        Signal(
            SignalKind.CLOSE,
            Where.SETUP,
            1008,
            "Your API key was reported as leaked. Please use another API key.",
        ),
        FailureKind.REFUSED_KEY,
    ),
    (
        Signal(
            SignalKind.CLOSE,
            Where.SETUP,
            1008,
            "models/x is not found for API version v1, or is not supported for bidiGenerateContent",
        ),
        FailureKind.REFUSED_MODEL,
    ),
    (
        Signal(
            SignalKind.CLOSE, Where.SETUP, 1008, "Operation is not implemented, or supported, or enabled."
        ),
        FailureKind.REFUSED_CONFIG,
    ),
    (
        Signal(SignalKind.CLOSE, Where.RECEIVE, 1008, "Requested entity was not found."),
        FailureKind.POISONED_HANDLE,
    ),
    (
        Signal(SignalKind.CLOSE, Where.RECEIVE, 1008, "The operation was aborted."),
        FailureKind.POISONED_HANDLE,
    ),
    (Signal(SignalKind.CLOSE, Where.RECEIVE, 1011, "Internal error encountered."), FailureKind.TRANSIENT),
    (
        Signal(SignalKind.CLOSE, Where.RECEIVE, 1011, "The service is currently unavailable."),
        FailureKind.TRANSIENT,
    ),
    (
        Signal(SignalKind.CLOSE, Where.RECEIVE, 1011, "Deadline expired before operation could complete."),
        FailureKind.GOING_AWAY,
    ),
    (
        Signal(
            SignalKind.CLOSE, Where.RECEIVE, 1011, "You exceeded your current quota, please check your plan"
        ),
        FailureKind.QUOTA,
    ),
    (Signal(SignalKind.CLOSE, Where.RECEIVE, 1011, "RESOURCE_EXHAUSTED"), FailureKind.QUOTA),
    (Signal(SignalKind.CLOSE, Where.RECEIVE, 1011, "Your prepaid credits are depleted."), FailureKind.QUOTA),
    (Signal(SignalKind.CLOSE, Where.RECEIVE, 1011, "keepalive ping timeout"), FailureKind.HALF_OPEN),
    (
        Signal(SignalKind.CLOSE, Where.SETUP, 1007, "User location is not supported for the API use."),
        FailureKind.REFUSED_REGION,
    ),
    (
        Signal(SignalKind.CLOSE, Where.SETUP, 1008, "Requested entity was not found.", resuming=True),
        FailureKind.POISONED_HANDLE,
    ),
    (
        Signal(
            SignalKind.CLOSE, Where.SETUP, 1011, "The requested response modalities (TEXT) is not supported"
        ),
        FailureKind.REFUSED_CONFIG,
    ),
    *(
        (Signal(SignalKind.CLOSE, where, code, words, resuming=resuming), FailureKind.REFUSED_PROJECT)
        for words in (
            "Permission denied on resource project None.",
            "Generative Language API has not been used in project 12345 before or it is disabled.",
            "Request trace id: f7ae, Project 'projects/kitchen' not found or deleted.",
        )
        for where in (Where.SETUP, Where.RECEIVE)
        for code in (1007, 1008, 1011)
        for resuming in (False, True)
    ),
    (
        Signal(SignalKind.HTTP, Where.CONNECT, 403, "Permission denied on resource project kitchen."),
        FailureKind.REFUSED_PROJECT,
    ),
    (Signal(SignalKind.CLOSE, Where.SETUP, 1008, "The operation was aborted."), FailureKind.TRANSIENT),
    (
        Signal(SignalKind.CLOSE, Where.SETUP, 1008, "Requested entity was not found."),
        FailureKind.REFUSED_CONFIG,
    ),
    (Signal(SignalKind.CLOSE, Where.RECEIVE, 1009, "message too big"), FailureKind.BUG),
    (Signal(SignalKind.CLOSE, Where.RECEIVE, 4321, "never seen before"), FailureKind.TRANSIENT),
    # instead of the upgrade (live-api.md#errors)
    (Signal(SignalKind.HTTP, Where.CONNECT, 401), FailureKind.REFUSED_KEY),
    (Signal(SignalKind.HTTP, Where.CONNECT, 403), FailureKind.REFUSED_KEY),
    (
        Signal(SignalKind.HTTP, Where.CONNECT, 403, "User location is not supported"),
        FailureKind.REFUSED_REGION,
    ),
    (
        Signal(SignalKind.HTTP, Where.CONNECT, 400, "API key not valid. Please pass a valid API key."),
        FailureKind.REFUSED_KEY,
    ),
    (
        Signal(SignalKind.HTTP, Where.CONNECT, 400, "<html>Welcome to our hotel</html>"),
        FailureKind.INTERCEPTED,
    ),
    (Signal(SignalKind.HTTP, Where.CONNECT, 404), FailureKind.REFUSED_MODEL),
    (Signal(SignalKind.HTTP, Where.CONNECT, 409), FailureKind.TRANSIENT),
    (Signal(SignalKind.HTTP, Where.CONNECT, 429), FailureKind.TRANSIENT),
    (Signal(SignalKind.HTTP, Where.CONNECT, 429, "Quota exceeded for quota metric"), FailureKind.QUOTA),
    (Signal(SignalKind.HTTP, Where.CONNECT, 503), FailureKind.TRANSIENT),
    (Signal(SignalKind.HTTP, Where.CONNECT, 302), FailureKind.INTERCEPTED),
    (Signal(SignalKind.HTTP, Where.CONNECT, 511), FailureKind.INTERCEPTED),
    # no connection at all
    (Signal(SignalKind.DNS, Where.CONNECT, reason="Name or service not known"), FailureKind.NETWORK),
    (Signal(SignalKind.UNREACHABLE, Where.CONNECT, reason="Connection refused"), FailureKind.NETWORK),
    (Signal(SignalKind.TIMEOUT, Where.CONNECT), FailureKind.NETWORK),
    (Signal(SignalKind.TIMEOUT, Where.SETUP), FailureKind.TRANSIENT),
    (Signal(SignalKind.TLS, Where.CONNECT, reason="self-signed certificate"), FailureKind.INTERCEPTED),
    (
        Signal(SignalKind.TLS, Where.CONNECT, reason="certificate is not yet valid", clock_set=False),
        FailureKind.CLOCK,
    ),
    (Signal(SignalKind.TLS, Where.CONNECT, reason="certificate is not yet valid"), FailureKind.CLOCK),
    (Signal(SignalKind.SILENT, Where.SEND), FailureKind.HALF_OPEN),
    (Signal(SignalKind.MESSAGE, Where.RECEIVE, reason="TypeError"), FailureKind.BUG),
]


@pytest.mark.parametrize(
    ("signal", "kind"), KNOWN, ids=[f"{s.kind.value}-{s.code}-{k.value}" for s, k in KNOWN]
)
def test_each_known_behaviour_has_its_class(signal: Signal, kind: FailureKind) -> None:
    assert classify(signal).kind is kind


@pytest.mark.parametrize("code", range(1000, 1016))
@pytest.mark.parametrize("words", ["", "never seen before", "Requested entity was not found.", "aborted"])
def test_a_set_up_that_resumes_nothing_is_never_refused_to_be_resumed(code: int, words: str) -> None:
    assert (
        classify(Signal(SignalKind.CLOSE, Where.SETUP, code, words)).kind is not FailureKind.POISONED_HANDLE
    )


@pytest.mark.parametrize("kind", SignalKind)
@pytest.mark.parametrize("where", Where)
@pytest.mark.parametrize("resuming", [False, True])
def test_whatever_happens_some_row_describes_it(kind: SignalKind, where: Where, resuming: bool) -> None:
    assert find_row(Signal(kind, where, 599, "?", resuming=resuming)) in ROWS


def test_every_row_is_needed_by_a_known_behaviour() -> None:
    used = {id(find_row(signal)) for signal, _ in KNOWN}
    assert [row.source for row in ROWS if id(row) not in used] == []


def test_every_row_names_its_source_and_every_class_says_what_to_do() -> None:
    assert all(row.source for row in ROWS)
    assert set(TREATMENTS) == set(FailureKind)
    assert all(treatment.says and treatment.remedy for treatment in TREATMENTS.values())


def test_only_what_a_person_must_mend_is_refused() -> None:
    refused = {kind for kind, treatment in TREATMENTS.items() if treatment.retry is Retry.WHEN_ASKED}
    assert refused == {kind for kind in FailureKind if kind.name.startswith("REFUSED_")}


def test_the_line_names_cause_and_remedy_and_is_bounded() -> None:
    failure = classify(Signal(SignalKind.CLOSE, Where.SETUP, 1007, "API key not valid. " + "x" * 1000))
    assert "setting up: close 1007: API key not valid." in str(failure)
    assert failure.treatment.remedy in str(failure)
    assert len(failure.detail) < DETAIL_LIMIT + 40


def test_what_a_stranger_answers_is_told_in_one_line_that_commands_no_terminal() -> None:
    page = "<html>\r\n\x1b[2J\x1b]0;you\x07 <b>Welcome</b>\n\n" + "x" * 500
    words = str(classify(Signal(SignalKind.HTTP, Where.CONNECT, 511, page)))
    assert words.isprintable()
    assert "<html> [2J ]0;you <b>Welcome</b> x" in words
    assert len(words) < 400
