"""The configuration of announcements."""

from __future__ import annotations

from dataclasses import dataclass

from daemon.config.key import key


@dataclass(frozen=True, slots=True)
class AnnounceSettings:
    """[announce] — what `conure announce` and your home have it say."""

    expires_s: float = key(
        600.0,
        "what could not be said by then, since somebody spoke, is not said any more",
        low=1.0,
        high=86_400.0,
    )
    cache_mb: int = key(
        8,
        "disk for the speech of announcements, never for what the microphone hears: 21 s a megabyte; 0: none",
        low=0,
        high=256,
    )
