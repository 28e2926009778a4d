"""`POST /api/key`: another API key, tested with the service, and put in its place by the helper.

The key is in no answer and in no line of the log, whatever becomes of it. Event loop only.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

from daemon.config.load import key_from_text
from daemon.config.secret import Secret
from daemon.errors import ConureError
from daemon.session.failures import Failure, FailureKind, LinkError
from daemon.web.api.answers import answering, as_json, body_of, flag_in, text_in
from daemon.web.api.failures import refusal_by
from daemon.web.api.settings import answer_of
from daemon.web.entry import Entry, Right
from daemon.web.gate.refusals import RefusalCounts, RefusalName, WebRefused
from daemon.web.wishes.desk import WishDesk

log = logging.getLogger(__name__)

TryKey = Callable[[Secret], Awaitable[None]]
"""Sets up a session with the key, and ends it. Raises LinkError."""

OF_THE_KEY = {
    FailureKind.REFUSED_KEY: "Paste the whole key, or make another in Google AI Studio.",
    FailureKind.REFUSED_PROJECT: None,
}
"""What speaks against the key itself, with a remedy for who has just pasted it (None: the usual one).

After all other failures nobody knows whether it is good."""

UNTESTED = "untested"


class KeyPage:
    """The endpoint."""

    def __init__(self, try_key: TryKey, desk: WishDesk | None) -> None:
        """`desk` None: there is no helper, and no key can be set."""
        self._try_key = try_key
        self._desk = desk
        self._busy = False

    async def keep(self, request: Request) -> Response:
        """Test the key, and have it kept; answers when the speaker runs with it, or as before.

        Raises WebRefused where the service refuses the key, and ConureError while another is tested.
        """
        if self._desk is None:
            remedy = "On the speaker, `sudo scripts/install` asks for it."
            raise WebRefused(RefusalName.NOT_ALLOWED, "This gateway cannot set the key.", remedy=remedy)
        key, anyway = await _asked(request)
        doubt = await self._doubt(key)
        if doubt is not None and not anyway:
            told = f"{doubt.treatment.says} The key was not tested, and is not kept."
            return as_json({"kind": UNTESTED, "told": told, "remedy": doubt.treatment.remedy})
        return answer_of(await self._desk.ask_for_key(key))

    async def _doubt(self, key: Secret) -> Failure | None:
        """Why it could not be tested; None: it is good. Raises WebRefused where it is not."""
        if self._busy:
            raise ConureError("another key is being tested; wait for it")
        self._busy = True
        try:
            await self._try_key(key)
        except LinkError as error:
            log.info("a key from the page was tried: %s", key.scrub(str(error)))
            if error.failure.kind in OF_THE_KEY:
                raise refusal_by(error.failure, OF_THE_KEY[error.failure.kind]) from None
            return error.failure
        finally:
            self._busy = False
        return None


async def _asked(request: Request) -> tuple[Secret, bool]:
    """The key, and whether it is to be kept untested. Raises WebRefused, without a word of the key."""
    body = await body_of(request)
    text, anyway = text_in(body, "key"), flag_in(body, "anyway", usual=False)
    try:
        return key_from_text(text), anyway
    except ValueError as error:
        raise WebRefused(RefusalName.BAD_BODY, f"The field {error}.") from None


def entries(page: KeyPage, counts: RefusalCounts) -> list[Entry]:
    """The one address: a key can be set, and never read."""
    endpoint = answering(page.keep, counts)
    return [Entry(path="/api/key", endpoint=endpoint, methods=frozenset({"POST"}), needs=Right.PAGE)]
