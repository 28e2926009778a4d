"""What the command line asks of `conure mqtt`. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeOptions:
    """The options of `conure mqtt`."""

    config: Path | None = None
    """The configuration file; None: the usual places."""
