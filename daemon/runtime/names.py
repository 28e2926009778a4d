"""Looks names up: both families at once, each within a limit, and no answer is lost. Event loop only.

The system's resolver is asked on threads, where it may hang for as long as it likes. A question is asked once
at a time, however many wait for it; who has waited for too long gets what is known by then, and an answer
that comes later serves the next try.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

LOOK_UP_S = 3.0
"""So long a name is waited for. Slow resolvers take 3 to 12 s: they are waited for by several tries."""

RESOLUTION_DELAY_S = 0.05
"""So long the other family is waited for once one has answered (RFC 8305, section 3)."""

FRESH_S = 60.0
"""An answer is used for so long without asking again: the slow one that came behind a try must serve the
next, which is at most half a minute later."""

STALE_S = 86_400.0
"""An older one is used where no new one comes in time (RFC 8767: a day or more)."""

MAX_ANSWERS = 32
"""Answers that are kept; policy: the oldest is forgotten."""

MAX_QUESTIONS = 8
"""Questions that are asked at once, each on a thread; policy: one more is answered as by a resolver that
cannot answer now."""

FAMILIES = (socket.AF_INET6, socket.AF_INET)
"""In the order in which they are tried (RFC 8305, section 4)."""

AddressInfo = tuple[Any, ...]
"""As `socket.getaddrinfo` gives them: family, type, protocol, name, address."""

Ask = Callable[..., list[Any]]
"""`socket.getaddrinfo`."""


@dataclass(frozen=True, slots=True)
class Question:
    """What `socket.getaddrinfo` is asked."""

    host: str
    port: int | str | None
    family: int
    kind: int
    protocol: int
    flags: int


@dataclass(frozen=True, slots=True)
class Known:
    """An answer, and when it came."""

    addresses: list[AddressInfo]
    at_s: float


class Names:
    """Answers questions about names. One for an event loop."""

    def __init__(self, ask: Ask = socket.getaddrinfo, clock: Callable[[], float] = time.monotonic) -> None:
        self._ask = ask
        self._clock = clock
        self._asked: dict[Question, asyncio.Future[list[AddressInfo]]] = {}
        self._known: dict[Question, Known] = {}

    @property
    def open_questions(self) -> int:
        """How many are with the resolver, each on a thread."""
        return len(self._asked)

    @property
    def kept_answers(self) -> int:
        """How many are remembered."""
        return len(self._known)

    async def look_up(
        self, host: str, port: int | str | None, *, kind: int, protocol: int = 0, flags: int = 0
    ) -> list[AddressInfo]:
        """The addresses of both families, as far as they are known in time. Raises socket.gaierror."""
        questions = [
            Question(host=host, port=port, family=family, kind=kind, protocol=protocol, flags=flags)
            for family in FAMILIES
        ]
        answers = {question: self._answer(question) for question in questions}
        await _first_good(answers.values())
        found = [address for question in questions for address in self._found(question, answers[question])]
        if not found:
            raise _fault(list(answers.values()))
        return found

    def _answer(self, question: Question) -> asyncio.Future[list[AddressInfo]]:
        known = self._known.get(question)
        if known is not None and self._clock() - known.at_s < FRESH_S:
            answer: asyncio.Future[list[AddressInfo]] = asyncio.get_running_loop().create_future()
            answer.set_result(known.addresses)
            return answer
        return self._asked.get(question) or self._begin(question)

    def _begin(self, question: Question) -> asyncio.Future[list[AddressInfo]]:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[list[AddressInfo]] = loop.create_future()
        if len(self._asked) >= MAX_QUESTIONS:
            answer.set_exception(socket.gaierror(socket.EAI_AGAIN, "too many names are being looked up"))
            return answer
        self._asked[question] = answer

        def ask() -> None:
            try:
                outcome: list[AddressInfo] | Exception = self._ask(
                    question.host,
                    question.port,
                    question.family,
                    question.kind,
                    question.protocol,
                    question.flags,
                )
            except Exception as error:  # noqa: BLE001 - whatever it is, whoever asked is told
                outcome = error
            with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(self._take, question, outcome)

        threading.Thread(target=ask, name=f"look-up of {question.host}", daemon=True).start()
        return answer

    def _take(self, question: Question, outcome: list[AddressInfo] | Exception) -> None:
        answer = self._asked.pop(question)
        if isinstance(outcome, Exception):
            answer.set_exception(outcome)
            answer.exception()  # perhaps nobody waits for it any more
            return
        self._known.pop(question, None)
        self._known[question] = Known(outcome, self._clock())
        if len(self._known) > MAX_ANSWERS:
            del self._known[next(iter(self._known))]
        answer.set_result(outcome)

    def _found(self, question: Question, answer: asyncio.Future[list[AddressInfo]]) -> list[AddressInfo]:
        """What is known of a question: its answer, or where none came an older one."""
        if answer.done() and answer.exception() is None:
            return answer.result()
        known = self._known.get(question)
        silent = not answer.done() or _error_code(answer) == socket.EAI_AGAIN
        return known.addresses if known and silent and self._clock() - known.at_s < STALE_S else []


async def _first_good(answers: Iterable[asyncio.Future[list[AddressInfo]]]) -> None:
    """Wait until one has an address, and the other a moment longer; at most LOOK_UP_S."""
    loop = asyncio.get_running_loop()
    until_s = loop.time() + LOOK_UP_S
    waiting = {answer for answer in answers if not answer.done()}
    good = any(answer.done() and answer.exception() is None for answer in answers)
    while waiting and (left_s := until_s - loop.time()) > 0:
        wait_s = min(left_s, RESOLUTION_DELAY_S) if good else left_s
        done, waiting = await asyncio.wait(waiting, timeout=wait_s, return_when=asyncio.FIRST_COMPLETED)
        if good and not done:
            return
        good = good or any(answer.exception() is None for answer in done)


def _error_code(answer: asyncio.Future[list[AddressInfo]]) -> int | None:
    error = answer.exception()
    return error.errno if isinstance(error, OSError) else None


def _fault(answers: list[asyncio.Future[list[AddressInfo]]]) -> BaseException:
    """Why there is no address: the last family's reason, for a name has an IPv4 address more often."""
    for answer in reversed(answers):
        if answer.done() and (error := answer.exception()) is not None:
            return error
    return socket.gaierror(socket.EAI_AGAIN, f"no answer within {LOOK_UP_S:.0f} s")
