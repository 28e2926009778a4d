"""The classes of failures: what to do about each, and what to say. Pure.

`signals.py` finds the class of what happened.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from daemon.errors import ConureError


class FailureKind(Enum):
    """The classes that the link treats differently."""

    NETWORK = "network"
    TRANSIENT = "transient"
    HALF_OPEN = "half_open"
    POISONED_HANDLE = "poisoned_handle"
    GOING_AWAY = "going_away"
    REFUSED_KEY = "refused_key"
    REFUSED_MODEL = "refused_model"
    REFUSED_CONFIG = "refused_config"
    REFUSED_REGION = "refused_region"
    REFUSED_PROJECT = "refused_project"
    QUOTA = "quota"
    CLOCK = "clock"
    INTERCEPTED = "intercepted"
    BUG = "bug"


class Retry(Enum):
    """When to try again."""

    AT_ONCE = "at once"
    BACK_OFF = "back off"
    SLOWLY = "slowly"
    """Long pauses: only time or money helps."""
    WHEN_ASKED = "when asked"
    """Only a person can help; one try for each of the user's triggers, at most one in ten seconds."""


@dataclass(frozen=True, slots=True)
class Treatment:
    """What a class of failure asks for."""

    retry: Retry
    keep_handle: bool
    says: str
    """What the user is told."""
    remedy: str
    """What the user can do."""


TREATMENTS: dict[FailureKind, Treatment] = {
    FailureKind.NETWORK: Treatment(
        Retry.BACK_OFF, True, "The service cannot be reached.", "Check the Wi-Fi and the internet connection."
    ),
    FailureKind.TRANSIENT: Treatment(
        Retry.BACK_OFF, True, "The service dropped the connection.", "Nothing: it is tried again."
    ),
    FailureKind.HALF_OPEN: Treatment(
        Retry.AT_ONCE, True, "The connection went silent.", "If this happens often, check the Wi-Fi signal."
    ),
    FailureKind.POISONED_HANDLE: Treatment(
        Retry.AT_ONCE,
        False,
        "The service would not go on with the session.",
        "Nothing: a fresh session is begun; the model has forgotten what was said.",
    ),
    FailureKind.GOING_AWAY: Treatment(
        Retry.AT_ONCE, True, "The service ended the connection as announced.", "Nothing: it is resumed."
    ),
    FailureKind.REFUSED_KEY: Treatment(
        Retry.WHEN_ASKED,
        False,
        "The service refuses the API key.",
        "Set a valid key (GEMINI_API_KEY) and restart.",
    ),
    FailureKind.REFUSED_MODEL: Treatment(
        Retry.WHEN_ASKED,
        False,
        "The service does not know this model, or not under this API version.",
        "Set live.model and live.api_version; `conure config check` knows the models.",
    ),
    FailureKind.REFUSED_CONFIG: Treatment(
        Retry.WHEN_ASKED,
        False,
        "The service refuses the session's settings.",
        "Check the [live] section with `conure config show` against what the message names.",
    ),
    FailureKind.REFUSED_REGION: Treatment(
        Retry.WHEN_ASKED,
        False,
        "The service is not offered in this region.",
        "See where the Gemini API is offered.",
    ),
    FailureKind.REFUSED_PROJECT: Treatment(
        Retry.WHEN_ASKED,
        False,
        "The service refuses the Google Cloud project of the API key.",
        "Enable the Generative Language API for that project, or make a new key at "
        "https://aistudio.google.com/apikey",
    ),
    FailureKind.QUOTA: Treatment(
        Retry.SLOWLY,
        True,
        "The quota or the credit is used up.",
        "Wait, or look at the plan and billing of the key.",
    ),
    FailureKind.CLOCK: Treatment(
        Retry.BACK_OFF,
        True,
        "The clock of this device is not set.",
        "Nothing, if time arrives by network; else set it.",
    ),
    FailureKind.INTERCEPTED: Treatment(
        Retry.BACK_OFF,
        True,
        "Something between here and the service answers in its place.",
        "Sign in to the Wi-Fi (captive portal), or add the proxy's certificate (SSL_CERT_FILE).",
    ),
    FailureKind.BUG: Treatment(
        Retry.BACK_OFF, False, "Something unexpected was received.", "Please report it with the log line."
    ),
}


@dataclass(frozen=True, slots=True)
class Failure:
    """A classified failure: what it is, and one line that says so with its cause."""

    kind: FailureKind
    detail: str
    resuming: bool = False
    """Whether the service answered a set-up that wanted to resume: perhaps it is the handle it dislikes."""
    closed: bool = False
    """Whether a WebSocket's close frame says it: then WebSockets pass."""

    @property
    def treatment(self) -> Treatment:
        """What to do about it."""
        return TREATMENTS[self.kind]

    @property
    def refused(self) -> bool:
        """Whether trying again cannot help until somebody acts."""
        return self.treatment.retry is Retry.WHEN_ASKED

    def __str__(self) -> str:
        return f"{self.treatment.says} ({self.detail}) {self.treatment.remedy}"


class LinkError(ConureError):
    """Connecting, sending or receiving failed. `failure` says what it means."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(str(failure))
        self.failure = failure
