"""What the doctor says of one thing: a mark, what was found, and what helps. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, StrEnum


class Verdict(Enum):
    """How a check came out, by its sign in the table."""

    FINE = "✓"
    WRONG = "✗"
    SKIPPED = "–"
    """Not looked at, or of no concern here; `found` says why."""


class Check(StrEnum):
    """Everything that is looked at, in the order of the table, by its name there."""

    CONFIGURATION = "configuration"
    API_KEY = "API key"
    GROUPS = "groups"
    SOUND_CARDS = "sound cards"
    MIC = "microphone"
    MIC_SOUND = "microphone sound"
    SPEAKER = "speaker"
    LOOPBACK = "loopback"
    BUTTON = "button"
    LIGHTS = "lights"
    CAMERA = "camera"
    CLOCK = "clock"
    NAME = "name lookup"
    REACH = "service reached"
    TLS = "TLS"
    PORTAL = "sign-in page"
    SESSION = "key and model"
    BROKER = "MQTT broker"
    SERVICE = "systemd service"
    FAILURES = "last failures"
    POWER = "power"
    SPACE = "free space"
    MEMORY = "memory"
    VERSIONS = "versions"


PLACE = {check: place for place, check in enumerate(Check)}


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the table."""

    check: Check
    mark: Verdict
    found: str
    remedy: str = ""
    """What to do, for a tinkerer to type or to look at; empty where nothing need be done."""
    refuses_start: bool = False
    """Whether `conure run` would refuse to start with exit status 78 for this."""


def fine(check: Check, found: str) -> Finding:
    """All is well."""
    return Finding(check, Verdict.FINE, found)


def wrong(check: Check, found: str, remedy: str, *, refuses_start: bool = False) -> Finding:
    """Something is the matter, and this helps."""
    return Finding(check=check, mark=Verdict.WRONG, found=found, remedy=remedy, refuses_start=refuses_start)


def skipped(check: Check, why: str, remedy: str = "") -> Finding:
    """Nothing is said of it, for this reason; `remedy` is how it could be looked at."""
    return Finding(check, Verdict.SKIPPED, why, remedy)


def skipped_all(checks: Iterable[Check], why: str, remedy: str = "") -> list[Finding]:
    """Nothing is said of any of them, for the same reason."""
    return [skipped(check, why, remedy) for check in checks]


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """As the table has them; several of one check stay as they come."""
    return sorted(findings, key=lambda finding: PLACE[finding.check])
