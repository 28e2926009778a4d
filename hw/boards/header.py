"""The 40-pin header as a drawing in text. Pure."""

from __future__ import annotations

from collections.abc import Mapping

Pin = int | str
"""A BCM number, or what the pin is connected to."""

LEFT: tuple[Pin, ...] = (
    "3V3", 2, 3, 4, "GND", 17, 27, 22, "3V3", 10, 9, 11, "GND", 0, 5, 6, 13, 19, 26, "GND",
)  # fmt: skip
RIGHT: tuple[Pin, ...] = (
    "5V", "5V", "GND", 14, 15, 18, "GND", 23, 24, "GND", 25, 8, 7, 1, "GND", 12, "GND", 16, 20, 21,
)  # fmt: skip
"""Odd and even pins, from the corner with the SD card on (Raspberry Pi documentation, GPIO)."""


def drawing(uses: Mapping[int, str]) -> str:
    """The header, seen from above with pin 1 at the top left; each line that is used has its use beside it.

    `uses` has BCM numbers as keys.
    """
    width = max(len(_label(pin, uses)) for pin in LEFT)
    rows = []
    for row, (odd, even) in enumerate(zip(LEFT, RIGHT, strict=True)):
        left = f"{_label(odd, uses):>{width}} {_mark(odd, uses)}{2 * row + 1:>2}"
        right = f"{2 * row + 2:<2}{_mark(even, uses)} {_label(even, uses, after=True)}"
        rows.append(f"{left} {right}")
    return "\n".join(rows)


def _mark(pin: Pin, uses: Mapping[int, str]) -> str:
    return "*" if pin in uses else " "


def _label(pin: Pin, uses: Mapping[int, str], *, after: bool = False) -> str:
    if isinstance(pin, str):
        return pin
    name, use = f"GPIO {pin}", uses.get(pin)
    if use is None:
        return name
    return f"{name}  {use}" if after else f"{use}  {name}"
