"""Who is let in with a code or a press of the button: codes, attempts, waiting. Pure.

The caller brings the time, on the machine's steady clock, and the addresses. A code is known by its hash
alone. Nobody can guess one of 40 bits at five attempts in a quarter of an hour; they are counted so that
whoever tries is stopped, and so that it is seen.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field

from daemon.web.gate.refusals import RefusalName

ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""32 signs, none of which looks like another: five bits each."""
CODE_SIGNS = 8
"""40 bits."""
CODE_S = 600.0
"""How long a code is good for: long enough to fetch a phone."""
MAX_CODES = 8
"""Codes that are good at one time; policy for one more: the oldest goes."""

WRONG_OF_ADDRESS = 5
"""Wrong codes of one address, after which it waits."""
WAIT_S = 900.0
"""For so long."""
WRONG_IN_ALL = 20
"""Wrong codes of all addresses since the last `conure web pair`; then pairing is off until the next."""
MAX_ADDRESSES = 64
"""Addresses whose wrong codes are remembered; policy for one more: the oldest goes. The sum remains."""

PRESS_S = 30.0
"""How long the light asks for a press."""
PRESSES_UNANSWERED = 6
"""So many requests in a row that nobody answered; then pairing is off until `conure web pair`. A stranger
could else ask again and again, and wait for a press that was meant for talking."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairCode:
    """A code that is good until it is used, or until `ends_s`."""

    digest: str
    """SHA-256 of the code's signs, in hexadecimal."""
    ends_s: float
    guest: bool = False
    """It pairs for a day, and for talking alone."""


def digest_of(secret: str) -> str:
    """What is kept of a secret: its SHA-256. One of random bits alone needs no salt and no slow hash."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def signs_of(typed: str) -> str:
    """A code as it was made, however it was typed: small letters, spaces and hyphens do not matter."""
    return "".join(sign for sign in typed.upper() if sign not in " -\t\n")


def shown(code: str) -> str:
    """A code for people: in two halves."""
    return f"{code[: CODE_SIGNS // 2]}-{code[CODE_SIGNS // 2 :]}"


def link_of(origin: str, code: str) -> str:
    """The address that a phone opens. What is behind # is sent to no server, and stands in no log."""
    return f"{origin}/#pair={code}"


@dataclass(slots=True)
class _Attempts:
    wrong: int = 0
    until_s: float = 0.0
    """Until when the address waits."""


@dataclass(slots=True)
class Pairing:
    """The codes that are good now, and what was tried."""

    codes: list[PairCode] = field(default_factory=list)
    opened: int = 0
    """How often `conure web pair` was called; another number takes away what stopped pairing."""
    _wrong: int = 0
    _attempts: OrderedDict[str, _Attempts] = field(default_factory=OrderedDict)
    _waiting_until_s: float = 0.0
    _contested: bool = False
    _unanswered: int = 0

    # --- codes

    def know(self, codes: Iterable[PairCode], opened: int) -> None:
        """These codes are good; `conure web pair` was called so often."""
        self.codes = list(codes)[-MAX_CODES:]
        if opened != self.opened:
            self.opened, self._wrong, self._unanswered = opened, 0, 0
            self._attempts.clear()

    @property
    def is_off(self) -> bool:
        """Whether there were too many attempts."""
        return self._wrong >= WRONG_IN_ALL or self._unanswered >= PRESSES_UNANSWERED

    def enter(self, typed: str, address: str, now_s: float) -> PairCode | RefusalName:
        """Take a code that somebody typed: it is used up, or why it is not taken."""
        if self.is_off:
            return RefusalName.PAIRING_OFF
        if self.waits_s(address, now_s) > 0:
            return RefusalName.MUST_WAIT
        wanted = digest_of(signs_of(typed))
        found = [code for code in self.codes if hmac.compare_digest(code.digest, wanted)]
        good = next((code for code in found if now_s < code.ends_s), None)
        if good is None:
            self._note_wrong(address, now_s)
            return RefusalName.WRONG_CODE
        self.codes.remove(good)
        self._attempts.pop(address, None)
        return good

    def waits_s(self, address: str, now_s: float) -> float:
        """For how many seconds this address has to wait; 0: it need not."""
        attempts = self._attempts.get(address)
        return max(0.0, attempts.until_s - now_s) if attempts else 0.0

    def _note_wrong(self, address: str, now_s: float) -> None:
        self._wrong += 1
        attempts = self._attempts.pop(address, None) or _Attempts()
        attempts.wrong += 1
        if attempts.wrong >= WRONG_OF_ADDRESS:
            attempts.wrong, attempts.until_s = 0, now_s + WAIT_S
        self._attempts[address] = attempts
        while len(self._attempts) > MAX_ADDRESSES:
            self._attempts.popitem(last=False)

    # --- the press

    def ask_press(self, address: str, now_s: float) -> RefusalName | None:
        """Somebody asks to be let in by a press. A second one who asks meanwhile takes it from the first too:
        who presses could not know whom they let in.
        """
        if self.is_off:
            return RefusalName.PAIRING_OFF
        if self.waits_s(address, now_s) > 0:
            return RefusalName.MUST_WAIT
        if now_s < self._waiting_until_s:
            self._contested = True
            return RefusalName.PRESS_BUSY
        self._waiting_until_s, self._contested = now_s + PRESS_S, False
        self._unanswered += 1
        return None

    def withdraw(self) -> None:
        """The request could not even be shown: it counts for nothing."""
        self._waiting_until_s = 0.0
        self._unanswered -= 1

    @property
    def is_contested(self) -> bool:
        """Whether somebody else has asked as well."""
        return self._contested

    def pressed(self, now_s: float) -> RefusalName | None:
        """The button was pressed: None if that lets in the one who waits."""
        if self._contested:
            return RefusalName.PRESS_BUSY
        if now_s >= self._waiting_until_s:
            return RefusalName.NOT_PRESSED
        self._waiting_until_s, self._unanswered = 0.0, 0
        return None
