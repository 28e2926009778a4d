"""The address of a pairing as a picture that a phone reads (QR code, ISO/IEC 18004).

The library is loaded when one is drawn: most gateways never draw any.
"""

from __future__ import annotations

from typing import TextIO


def show_in_terminal(link: str, out: TextIO) -> None:
    """Draw it with block characters."""
    import segno

    segno.make(link, micro=False).terminal(out=out, compact=True)


def as_data_address(link: str) -> str:
    """An SVG as a `data:` address for an `img`."""
    import segno

    return str(segno.make(link, micro=False).svg_data_uri(scale=4))
