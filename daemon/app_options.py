"""What the command line asks of one run, beyond the configuration."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class RunOptions:
    """The options of `conure run`."""

    once: bool = False
    """End after one turn: a demonstration, or a test of an installation."""
    interactive: bool = False
    """Somebody sits at a terminal: keys stand for the button, and the live view may be drawn."""
    demo: bool = False
    """What is missing is simulated: without a key the service, without a sound card the board."""
    standin: bool = False
    """Talk to a stand-in server inside this process: no key, no network."""
    wav_out: Path | None = None
    """File that receives what the speaker plays; None: none."""
