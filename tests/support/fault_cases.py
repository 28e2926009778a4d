"""The fault matrix: what can go wrong, at which moment, and what is expected of the daemon then."""

from __future__ import annotations

from fault_story import SPEECH, Case, Point

from daemon.lights import scenes
from daemon.lights.scenes import Scene
from daemon.session.failures import FailureKind
from daemon.words import Earcon, Outcome

NETWORK, TRANSIENT = FailureKind.NETWORK, FailureKind.TRANSIENT
POISONED, GOING = FailureKind.POISONED_HANDLE, FailureKind.GOING_AWAY
KEY, MODEL, CONFIG = FailureKind.REFUSED_KEY, FailureKind.REFUSED_MODEL, FailureKind.REFUSED_CONFIG
REGION, QUOTA = FailureKind.REFUSED_REGION, FailureKind.QUOTA
INTERCEPTED, BUG = FailureKind.INTERCEPTED, FailureKind.BUG
SECOND = "a second one did"
"""Of the line that tells of a second connection, which answered before the first."""

CONNECTING, IDLE, LISTENING, THINKING, SPEAKING = Point

NO_MODEL = "models/gemini-0 is not found for API version v1beta, or is not supported for bidiGenerateContent"
NO_FIELD = "Unknown name \\\"proactivity\\\" at 'setup': Cannot find field."
NO_PROJECT = "Permission denied on resource project None."
INVALID = "Request contains an invalid argument."
INTERNAL = "Internal error encountered."
ABORTED = "The operation was aborted."


def http(status: int, body: str = "") -> str:
    """A plan's action."""
    return f'{{ action = "http_status", status = {status}, body = "{body}" }}'


def close(code: int, reason: str = "") -> str:
    """A plan's action."""
    return f'{{ action = "close", code = {code}, reason = "{reason}" }}'


def send(what: str) -> str:
    """A plan's action."""
    return f'{{ action = "send", what = "{what}" }}'


def go_away(left_s: float | None, then: str, after_s: float = 0.05) -> str:
    """A plan's action."""
    left = "" if left_s is None else f"time_left_s = {left_s}, "
    return f'{{ action = "go_away", {left}then = "{then}", after_s = {after_s} }}'


def outage(fault: str, when: str, do: str, warns: FailureKind) -> Case:
    """Nothing works until the user has spoken; what was said waits, and is answered."""
    return Case(fault, CONNECTING, do, warns, tones=(Earcon.OFFLINE,), shows=scenes.OFFLINE, when=when)


def refusal(fault: str, when: str, do: str, warns: FailureKind) -> Case:
    """The service will not have us until somebody acts."""
    return Case(fault, CONNECTING, do, warns, Outcome.FAILED, (Earcon.REFUSED,), scenes.REFUSED, when)


def spent(fault: str, when: str, do: str) -> Case:
    """The quota is used up."""
    return Case(fault, CONNECTING, do, QUOTA, Outcome.FAILED, (Earcon.QUOTA,), scenes.QUOTA, when)


def in_turn(fault: str, do: str, warns: FailureKind | str | None, when: str = "") -> list[Case]:
    """A fault before the answer: the user notices a delay and nothing else.

    `when` is the moment of thinking, if it is not the end of it.
    """
    flicker = scenes.OFFLINE if isinstance(warns, FailureKind) else None
    listening = Case(fault, LISTENING, do, warns)
    return [listening, Case(fault, THINKING, do, warns, shows=flicker, when=when)]


def in_reply(fault: str, do: str, warns: FailureKind | str | None, shows: Scene | None = None) -> Case:
    """The end of a reply is lost."""
    return Case(fault, SPEAKING, do, warns, Outcome.SHORT, (Earcon.ERROR,), shows, voice=SPEECH)


def odd_reply(fault: str, do: str, outcome: Outcome, *tones: Earcon) -> Case:
    """A reply that is not one."""
    return Case(fault, SPEAKING, do, None, outcome, tones, when="reply_start")


OUTAGES = [
    outage("TCP refused", "connect", '"refuse"', NETWORK),
    outage("TLS: unknown certificate", "connect", '"tls_failure"', INTERCEPTED),
    outage(
        "TLS: expired certificate", "connect", '{ action = "tls_failure", kind = "expired" }', INTERCEPTED
    ),
    outage("HTTP 302, as of a captive portal", "upgrade", http(302), INTERCEPTED),
    outage("HTTP 409", "upgrade", http(409), TRANSIENT),
    outage("HTTP 429", "upgrade", http(429), TRANSIENT),
    outage("HTTP 503", "upgrade", http(503), TRANSIENT),
    outage("set-up never answered", "setup", '"stop_answering"', TRANSIENT),
    outage("set-up answered by something else", "setup", '"wrong_setup_answer"', BUG),
    outage("reset in the set-up", "setup", '"reset"', TRANSIENT),
    outage("1000 in the set-up", "setup", close(1000, "The operation was cancelled."), TRANSIENT),
    outage("1011 in the set-up", "setup", close(1011, "The service is currently unavailable."), TRANSIENT),
]

REFUSALS = [
    refusal("HTTP 401", "upgrade", http(401), KEY),
    refusal("HTTP 403", "upgrade", http(403), KEY),
    refusal("HTTP 403, region", "upgrade", http(403, "User location is not supported."), REGION),
    refusal("HTTP 404", "upgrade", http(404), MODEL),
    refusal("1007: key expired", "setup", close(1007, "API key expired. Please renew the API key."), KEY),
    refusal("1008: key reported as leaked", "setup", '"leaked_key"', KEY),
    refusal("1008: unknown model", "setup", close(1008, NO_MODEL), MODEL),
    refusal("1008: project", "setup", close(1008, NO_PROJECT), FailureKind.REFUSED_PROJECT),
    refusal("1007: unknown field", "setup", close(1007, NO_FIELD), CONFIG),
    refusal("1008: not implemented", "setup", close(1008, "Operation is not implemented"), CONFIG),
    spent("HTTP 429 with quota", "upgrade", http(429, "RESOURCE_EXHAUSTED: quota")),
    spent("1011: quota", "setup", '"quota"'),
]

WHILE_IDLE = [
    *(
        Case(fault, IDLE, do)
        for fault, do in {
            "reset": '"reset"',
            "1000": close(1000, "The operation was cancelled."),
            "1007": close(1007, INVALID),
            "1008": close(1008, ABORTED),
            "1011": close(1011, INTERNAL),
            "goAway 50 s, then 1011": go_away(50.0, "close"),
            "goAway 300 s, then silence": go_away(300.0, "silence"),
            "goAway without a time": go_away(None, "nothing"),
            "unknown message": send("unknown"),
            "nested error": send("error"),
            "not JSON": send("not_json"),
            "2 MiB message": send("huge"),
            "interrupted without a turn": send("interrupted"),
            "turnComplete without a turn": send("turn_complete"),
        }.items()
    ),
    Case("key leaked", IDLE, '"leaked_key"', KEY, shows=scenes.REFUSED),
    Case("quota", IDLE, '"quota"', QUOTA, shows=scenes.QUOTA),
    Case("it answers no more", IDLE, '"stop_answering"', SECOND),
    Case("it reads no more", IDLE, '"stop_reading"', SECOND),
    Case("half-open, kernel still there", IDLE, '"half_open"', SECOND),
]

RESUMING = [
    Case(f"resumption refused with {code}", IDLE, close(1011, INTERNAL), POISONED, then=then)
    for code, then in {
        1007: '[[rule]]\nwhen = "resume"\nnth = "every"\ndo = "poisoned_handle"\n',
        1008: '[[rule]]\nwhen = "resume"\nnth = "every"\n'
        'do = { action = "close", code = 1008, reason = "Requested entity was not found." }\n',
    }.items()
] + [
    Case(
        "resumed, but mute",
        IDLE,
        close(1011, INTERNAL),
        SECOND,
        then='[[rule]]\nwhen = "resume"\ndo = "never_answer"\n',
    )
]

WHILE_ASKING = [
    *in_turn("reset", '"reset"', TRANSIENT),
    *in_turn("1000", close(1000, "The operation was cancelled."), TRANSIENT),
    *in_turn("1001", close(1001), TRANSIENT),
    *in_turn("1007", close(1007, INVALID), POISONED),
    *in_turn("1008: aborted", close(1008, ABORTED), POISONED),
    *in_turn("1011", close(1011, INTERNAL), TRANSIENT),
    *in_turn("goAway 50 s", go_away(50.0, "nothing"), None),
    *in_turn("goAway, then 1011: deadline", go_away(50.0, "close"), GOING, "activity_end"),
    *in_turn("goAway, then silence", go_away(50.0, "silence"), SECOND, "activity_end"),
    *in_turn("unknown message", send("unknown"), None),
    *in_turn("nested error", send("error"), None),
    *in_turn("not JSON", send("not_json"), None),
    *in_turn("2 MiB message", send("huge"), None),
    *in_turn("interrupted without a reply", send("interrupted"), None),
    *in_turn("it answers no more", '"stop_answering"', SECOND),
    *in_turn("half-open, kernel still there", '"half_open"', SECOND),
    Case("it reads no more", LISTENING, '"stop_reading"', SECOND),
    *(
        Case(fault, point, do, warns, Outcome.FAILED, (tone,), shows)
        for point in (LISTENING, THINKING)
        for fault, do, warns, tone, shows in (
            ("key leaked", '"leaked_key"', KEY, Earcon.REFUSED, scenes.REFUSED),
            ("quota", '"quota"', QUOTA, Earcon.QUOTA, scenes.QUOTA),
        )
    ),
]

REPLIES = [
    in_reply("reset", '"reset"', TRANSIENT),
    in_reply("1000", close(1000), TRANSIENT),
    in_reply("1007", close(1007, INVALID), POISONED),
    in_reply("1011", close(1011, INTERNAL), TRANSIENT),
    in_reply("1011: deadline", '"deadline"', GOING),
    in_reply("1011: quota", '"quota"', QUOTA, scenes.QUOTA),
    in_reply("1008: key leaked", '"leaked_key"', KEY, scenes.REFUSED),
    in_reply("it answers no more", '"stop_answering"', "stopped in its middle"),
    in_reply("a stall without end", '{ action = "stall", seconds = 60.0 }', "stopped in its middle"),
    Case("a short stall", SPEAKING, '{ action = "stall", seconds = 0.8 }', voice=SPEECH),
    Case("it reads no more", SPEAKING, '"stop_reading"', SECOND, voice=SPEECH),
    *(
        Case(fault, SPEAKING, do, voice=SPEECH)
        for fault, do in {
            "goAway 50 s": go_away(50.0, "nothing"),
            "unknown message": send("unknown"),
            "nested error": send("error"),
            "not JSON": send("not_json"),
            "2 MiB message": send("huge"),
        }.items()
    ),
    Case("turnComplete twice", SPEAKING, '"turn_complete_twice"', when="turn_complete"),
    Case("turnComplete missing", SPEAKING, '"turn_complete_missing"', when="turn_complete"),
    Case("interrupted, with audio", SPEAKING, '"interrupted_with_audio"', None, Outcome.CUT, voice=SPEECH),
    odd_reply("a reply of silence", '"near_silence"', Outcome.FAILED, Earcon.ERROR),
    odd_reply("RESPONSE_REJECTED", '"reject"', Outcome.FAILED, Earcon.ERROR),
    odd_reply("no audio", '"no_audio"', Outcome.SILENT),
]

CASES = [*OUTAGES, *REFUSALS, *WHILE_IDLE, *RESUMING, *WHILE_ASKING, *REPLIES]
