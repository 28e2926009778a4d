"""What a failure of the service is to who asks the gateway. Pure."""

from __future__ import annotations

from daemon.session.failures import Failure, FailureKind
from daemon.web.gate.refusals import RefusalName, WebRefused

REFUSED_BY = {
    FailureKind.REFUSED_KEY: RefusalName.KEY_REFUSED,
    FailureKind.QUOTA: RefusalName.SERVICE_QUOTA,
    FailureKind.NETWORK: RefusalName.SERVICE_AWAY,
    FailureKind.TRANSIENT: RefusalName.SERVICE_AWAY,
    FailureKind.HALF_OPEN: RefusalName.SERVICE_AWAY,
    FailureKind.CLOCK: RefusalName.SERVICE_AWAY,
    FailureKind.INTERCEPTED: RefusalName.SERVICE_AWAY,
}
"""All others: SERVICE_REFUSED."""


def refusal_by(failure: Failure, remedy: str | None = None) -> WebRefused:
    """In the words of all failures, without the service's own, which are for the log.

    `remedy` takes the place of the usual one.
    """
    name = REFUSED_BY.get(failure.kind, RefusalName.SERVICE_REFUSED)
    return WebRefused(name, failure.treatment.says, remedy=remedy or failure.treatment.remedy)
