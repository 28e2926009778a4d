"""Which board is there: what the machine shows, and what follows from it.

Reading (`read_traces`, a few files of the kernel's; `hw.boards.i2c_probe` asks the bus itself) is separate
from the decision (`detect`), which is pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from hw.boards.board_files import BoardFile, Clues
from hw.sound.cards import parse_cards

TEXT_LIMIT_BYTES = 4096
"""Nothing that is read here is near this, but for the list of cards of a machine with twenty."""

I2C_BUS = 1
"""The bus on pins 3 and 5 of the header (Raspberry Pi documentation, GPIO)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Traces:
    """What the machine shows; empty where it shows nothing."""

    hat: str = ""
    """Product in the EEPROM of the HAT."""
    cards: tuple[str, ...] = ()
    """ALSA card ids."""
    usb: tuple[str, ...] = ()
    """USB ids, `vendor:product`."""
    i2c: tuple[int, ...] = ()
    """Addresses on the header's I²C bus at which something answers or has a driver."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A board that the evidence allows."""

    name: str
    because: tuple[str, ...]
    """What speaks for it, in words, strongest first."""


@dataclass(frozen=True, slots=True)
class Detection:
    """What follows from the evidence."""

    board: str | None
    """The only board that fits; None if there is none, or more than one."""
    candidates: tuple[Candidate, ...]
    """All that fit, by name. An address on the I²C bus alone makes a candidate, but decides nothing."""


def detect(boards: Iterable[BoardFile], evidence: Traces) -> Detection:
    """The boards that fit the evidence.

    HAT, card and USB id are clues that count; an I²C address only tells boards apart that share one. A board
    whose clues are all another's too, and fewer, gives way to it.
    """
    clues = {board.name: matches(board.detect, evidence) for board in boards}
    found = {name: because for name, because in clues.items() if because}
    certain = {name: because for name, because in found.items() if any(map(_counts, because))}
    best = {
        name: because
        for name, because in (certain or found).items()
        if not any(set(because) < set(other) for other in (certain or found).values())
    }
    names = sorted(best)
    only = names[0] if certain and len(names) == 1 else None
    return Detection(only, tuple(Candidate(name, best[name]) for name in names))


def matches(clues: Clues, evidence: Traces) -> tuple[str, ...]:
    """What in the evidence fits these clues, in words."""
    found = [f'HAT "{evidence.hat}"' for pattern in clues.hat if _like(evidence.hat, pattern)]
    found += [f"sound card {card}" for card in evidence.cards if _like_any(card, clues.cards)]
    found += [f"USB device {usb_id}" for usb_id in evidence.usb if usb_id in clues.usb]
    if clues.i2c and set(clues.i2c) <= set(evidence.i2c):
        found.append(f"I2C {', '.join(f'0x{address:02x}' for address in clues.i2c)}")
    return tuple(dict.fromkeys(found))


def _counts(clue: str) -> bool:
    return not clue.startswith("I2C")


def _like_any(text: str, patterns: Sequence[str]) -> bool:
    return any(_like(text, pattern) for pattern in patterns)


def _like(text: str, pattern: str) -> bool:
    return bool(text) and fnmatchcase(text.casefold(), pattern.casefold())


# --- reading ---------------------------------------------------------------------------------------


def read_traces(root: Path = Path("/")) -> Traces:
    """What the kernel's files under `root` tell; what is missing there is left empty. Never raises."""
    return Traces(
        hat=_text(root / "proc/device-tree/hat/product").strip("\0 \n"),
        cards=tuple(parse_cards(_text(root / "proc/asound/cards")).values()),
        usb=_usb_ids(root / "sys/bus/usb/devices"),
        i2c=_i2c_addresses(root / "sys/bus/i2c/devices"),
    )


def _usb_ids(folder: Path) -> tuple[str, ...]:
    ids = {
        f"{_text(device / 'idVendor').strip()}:{_text(device / 'idProduct').strip()}"
        for device in _entries(folder)
    }
    return tuple(sorted(ids - {":"}))  # an interface of a device has neither file


def _i2c_addresses(folder: Path) -> tuple[int, ...]:
    """Devices that a driver or an overlay has declared; their folders are called BUS-ADDRESS, as 1-001a."""
    names = (entry.name.partition("-") for entry in _entries(folder))
    found = (address for bus, _, address in names if bus == str(I2C_BUS))
    return tuple(sorted(int(address, 16) for address in found if _is_hexadecimal(address)))


def _is_hexadecimal(text: str) -> bool:
    return bool(text) and set(text) <= set("0123456789abcdef")


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(TEXT_LIMIT_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""
