"""What the command line asks of `conure web`. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class WebOptions:
    """The options of `conure web`."""

    config: Path | None = None
    """The configuration file; None: the usual places."""
    listen: tuple[str, ...] = ()
    """In the place of web.listen, in its form."""
    no_speaker: bool = False
    """There is no speaker beside it: talks, tokens and metrics only."""
