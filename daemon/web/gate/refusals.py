"""Every refusal of the gateway by its name, with its status and its words, and how often each was given.

The set is closed: metrics use the names as labels, and no name comes from outside.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from enum import StrEnum


class RefusalName(StrEnum):
    """Why somebody was turned away."""

    TOO_LONG_HEAD = "too_long_head"
    AMBIGUOUS_LENGTH = "ambiguous_length"
    NOT_HERE = "not_here"
    WRONG_HOST = "wrong_host"
    WRONG_ORIGIN = "wrong_origin"
    CROSS_SITE = "cross_site"
    NO_ORIGIN = "no_origin"
    NOT_PAIRED = "not_paired"
    UNKNOWN_PASS = "unknown_pass"  # noqa: S105 - a name, no password
    NOT_ALLOWED = "not_allowed"
    TOO_FAST = "too_fast"
    TOO_MANY_PAGES = "too_many_pages"
    BAD_BODY = "bad_body"
    WRONG_CODE = "wrong_code"
    MUST_WAIT = "must_wait"
    PAIRING_OFF = "pairing_off"
    PRESS_BUSY = "press_busy"
    NOT_PRESSED = "not_pressed"
    TOO_MANY_DEVICES = "too_many_devices"
    DOCTOR_BUSY = "doctor_busy"
    SPEAKER_REFUSED = "speaker_refused"
    SPEAKER_AWAY = "speaker_away"
    TOKENS_OFF = "tokens_off"
    TOO_MANY_TOKENS = "too_many_tokens"
    UNKNOWN_VOICE = "unknown_voice"
    CLOCK_NOT_SET = "clock_not_set"
    BUDGET_USED_UP = "budget_used_up"
    KEY_MISSING = "key_missing"
    KEY_REFUSED = "key_refused"
    SERVICE_REFUSED = "service_refused"
    SERVICE_QUOTA = "service_quota"
    SERVICE_AWAY = "service_away"


@dataclass(frozen=True, slots=True, kw_only=True)
class WebRefusal:
    """What somebody is told who is turned away."""

    name: RefusalName
    status: int
    """Of HTTP (RFC 9110, section 15)."""
    sentence: str
    remedy: str | None = None
    retry_after_s: float | None = None


ENDS_CONNECTION = (RefusalName.TOO_LONG_HEAD, RefusalName.AMBIGUOUS_LENGTH)
"""After these nothing that the connection still holds is read as another request."""

HOW_TO_PAIR = "Ask for a code: run `conure web pair` on the speaker, or open a page that is paired already."
NOT_KNOWN = "This browser is not paired with the speaker, or its token is not known."

_ROWS: tuple[tuple[RefusalName, int, str, str | None], ...] = (
    (RefusalName.TOO_LONG_HEAD, 431, "The request's headers are too long.", None),
    (RefusalName.AMBIGUOUS_LENGTH, 400, "The request tells its length in two ways.", None),
    (RefusalName.NOT_HERE, 404, "There is nothing at this address.", None),
    (
        RefusalName.WRONG_HOST,
        421,
        "This speaker does not go by that name.",
        "Use its address or its own name; another name is written into `[web] hosts`.",
    ),
    (
        RefusalName.WRONG_ORIGIN,
        403,
        "A page that does not come from this speaker may not ask it for anything.",
        "An origin that may is written into `[web] origins`.",
    ),
    (
        RefusalName.CROSS_SITE,
        403,
        "A page that does not come from this speaker may not ask it for anything.",
        "Open the speaker's page itself.",
    ),
    (
        RefusalName.NO_ORIGIN,
        403,
        "A request without an origin needs a token.",
        "Make one with `conure web token NAME --for talk`.",
    ),
    (RefusalName.NOT_PAIRED, 401, NOT_KNOWN, HOW_TO_PAIR),
    (RefusalName.UNKNOWN_PASS, 401, NOT_KNOWN, HOW_TO_PAIR),
    (
        RefusalName.NOT_ALLOWED,
        403,
        "This device may not do that.",
        "A guest may talk and no more; a token may what it was made for.",
    ),
    (RefusalName.TOO_FAST, 429, "That were too many requests at once.", None),
    (
        RefusalName.TOO_MANY_PAGES,
        503,
        "As many pages are open as the speaker serves at a time.",
        "Close one, and load this one again.",
    ),
    (RefusalName.BAD_BODY, 400, "The request is not understood.", None),
    (
        RefusalName.WRONG_CODE,
        403,
        "That is not the code.",
        "A code has eight letters, is good for ten minutes and once.",
    ),
    (RefusalName.MUST_WAIT, 429, "There were too many wrong codes from this address.", None),
    (
        RefusalName.PAIRING_OFF,
        403,
        "Pairing is off: there were too many attempts.",
        "Run `conure web pair` on the speaker.",
    ),
    (
        RefusalName.PRESS_BUSY,
        409,
        "Somebody else asks to be let in at this moment, so nobody is.",
        "Wait half a minute, or use a code of `conure web pair`.",
    ),
    (
        RefusalName.NOT_PRESSED,
        408,
        "Nobody pressed the speaker's button.",
        "Ask again, and press while the light pulses twice and pauses.",
    ),
    (
        RefusalName.TOO_MANY_DEVICES,
        409,
        "As many devices are paired as the speaker remembers.",
        "Remove one on the page, or with `conure web revoke`.",
    ),
    (RefusalName.DOCTOR_BUSY, 429, "The doctor is at work, or has just been.", None),
    (RefusalName.SPEAKER_REFUSED, 409, "The speaker refused.", None),
    (
        RefusalName.SPEAKER_AWAY,
        503,
        "The speaker is away.",
        "It may be starting again; `systemctl status conure` tells more.",
    ),
    (
        RefusalName.TOKENS_OFF,
        404,
        "This speaker makes no tokens.",
        "Set `[web] tokens = true` in its configuration.",
    ),
    (
        RefusalName.TOO_MANY_TOKENS,
        429,
        "That were too many tokens.",
        "Ask for one at the beginning of a conversation only.",
    ),
    (RefusalName.UNKNOWN_VOICE, 400, "There is no such voice.", None),
    (
        RefusalName.CLOCK_NOT_SET,
        503,
        "The speaker does not know the time yet, and a token ends at a time.",
        "Nothing, if the time arrives by network; else set the clock.",
    ),
    (RefusalName.BUDGET_USED_UP, 429, "The day's budget is used up.", "It starts again at midnight."),
    (RefusalName.KEY_MISSING, 502, "The gateway has no API key.", "Set a key, and start it again."),
    (RefusalName.KEY_REFUSED, 502, "The service refuses the API key.", None),
    (RefusalName.SERVICE_REFUSED, 502, "The service refuses what it was asked for.", None),
    (RefusalName.SERVICE_QUOTA, 429, "The quota or the credit is used up.", None),
    (RefusalName.SERVICE_AWAY, 503, "The service cannot be reached.", None),
)

REFUSALS = {
    name: WebRefusal(name=name, status=status, sentence=sentence, remedy=remedy)
    for name, status, sentence, remedy in _ROWS
}
"""What stands behind each name, where nothing else is said."""


class WebRefused(Exception):
    """Somebody is turned away: the gate, or an endpoint, raises it; the answer is made from `refusal`."""

    def __init__(
        self,
        name: RefusalName,
        sentence: str | None = None,
        *,
        remedy: str | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        """`sentence` and `remedy` take the place of the usual ones."""
        usual = REFUSALS[name]
        self.refusal = replace(
            usual,
            sentence=sentence or usual.sentence,
            remedy=remedy or usual.remedy,
            retry_after_s=retry_after_s,
        )
        super().__init__(self.refusal.sentence)


class RefusalCounts:
    """How often each refusal was given since the start."""

    def __init__(self) -> None:
        self._counts: Counter[RefusalName] = Counter()

    def count(self, name: RefusalName) -> None:
        """One more."""
        self._counts[name] += 1

    def as_counters(self) -> dict[str, int]:
        """All names, also those that were never given."""
        return {name.value: self._counts[name] for name in RefusalName}
