"""What the command line asks of one run, beyond the configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from daemon.config.secret import Secret


@dataclass(frozen=True, slots=True)
class RunOptions:
    """The options of `conure run`."""

    once: bool = False
    """End after one turn: a demonstration, or a test of an installation."""
    interactive: bool = False
    """Somebody sits at a terminal that shows pictures: keys stand for the button, the live view is drawn."""
    demo: bool = False
    """What is missing is simulated: the service without a key, and each of microphone and speaker."""
    standin: bool = False
    """Talk to a stand-in server inside this process: no key, no network."""
    config: Path | None = None
    """The configuration file that was named; None: the one in the usual places."""
    board: str | None = None
    """The board that was named in the place of the configured one."""
    board_detected: bool = False
    """Nobody named the board: what it lacks a demonstration may simulate."""
    missing: frozenset[str] = frozenset()
    """Which of CAPTURE and PLAYBACK (`hw.sound.cards`) this demonstration simulates."""
    wav_out: Path | None = None
    """File that receives what the speaker plays; None: none."""
    hidden: Mapping[str, Secret] = field(default_factory=dict)
    """Variables that were taken out of the environment at the start."""

    def environment(self, environ: Mapping[str, str]) -> dict[str, str]:
        """`environ` as it was at the start."""
        return {**environ, **{name: value.reveal() for name, value in self.hidden.items()}}
