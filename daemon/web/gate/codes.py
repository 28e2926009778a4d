"""The pairing codes that are good, in a file that a terminal and the gateway share.

Times are of the steady clock, which is the same in all processes until the machine starts anew: a Pi without
network does not know the time of day. A file of an earlier start holds no code that is still good.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from daemon.outside import number, whole_number
from daemon.web.gate.pairing import ALPHABET, CODE_S, CODE_SIGNS, MAX_CODES, PairCode, digest_of
from daemon.web.gate.shared_file import SharedFile

FILE = "pairing.json"
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
"""Another text after each start of the machine (random(4))."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GoodCodes:
    """What is in the file."""

    boot: str = ""
    opened: int = 0
    """How often `conure web pair` was called."""
    codes: tuple[PairCode, ...] = ()


class CodeFile:
    """The codes of a folder. `read` takes microseconds; all else blocks on the disk."""

    def __init__(self, folder: Path, clock: Callable[[], float] = time.monotonic, boot: str = "") -> None:
        """`boot` names this start of the machine; empty: ask the kernel."""
        self._clock = clock
        self._boot = boot or _this_boot()
        self._file: SharedFile[GoodCodes] = SharedFile(
            folder, FILE, parse=_parse, plain=asdict, empty=GoodCodes()
        )

    def read(self) -> GoodCodes:
        """The codes of this start of the machine."""
        return self._of_this_boot(self._file.read())

    def make(self, *, guest: bool = False, by_terminal: bool = False) -> str:
        """One more code that is good from now on; a terminal's opens pairing again. Raises ConureError."""
        text = "".join(secrets.choice(ALPHABET) for _ in range(CODE_SIGNS))
        code = PairCode(digest=digest_of(text), ends_s=self._clock() + CODE_S, guest=guest)
        self._file.change(lambda found: self._with(found, code, by_terminal=by_terminal))
        return text

    def use_up(self, code: PairCode) -> bool:
        """Take a code away; returns whether it was still there: it is good once. Raises ConureError."""
        was_there = False

        def without(found: GoodCodes) -> GoodCodes:
            nonlocal was_there
            was_there = code in found.codes
            return replace(found, codes=tuple(one for one in found.codes if one != code))

        self._file.change(without)
        return was_there

    def _with(self, found: GoodCodes, code: PairCode, *, by_terminal: bool) -> GoodCodes:
        good = [one for one in self._of_this_boot(found).codes if one.ends_s > self._clock()]
        return GoodCodes(boot=self._boot, opened=found.opened + by_terminal, codes=(*good, code)[-MAX_CODES:])

    def _of_this_boot(self, found: GoodCodes) -> GoodCodes:
        return found if found.boot == self._boot else replace(found, codes=())


def _this_boot() -> str:
    try:
        return BOOT_ID.read_text("ascii").strip()
    except OSError:
        return "unknown"


def _parse(data: Any) -> GoodCodes:
    return GoodCodes(
        boot=str(data["boot"]),
        opened=whole_number(data["opened"]),
        codes=tuple(_parse_code(row) for row in data["codes"][:MAX_CODES]),
    )


def _parse_code(row: dict[str, Any]) -> PairCode:
    return PairCode(digest=str(row["digest"]), ends_s=number(row["ends_s"]), guest=row["guest"] is True)
