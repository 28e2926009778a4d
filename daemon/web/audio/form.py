"""How samples stand in bytes. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from hw.base import MIC_FORMAT


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleForm:
    """How samples stand in the bytes."""

    rate_hz: int = MIC_FORMAT.rate_hz
    channels: int = 1
    bits: int = 16
    floats: bool = False

    @property
    def frame_bytes(self) -> int:
        """Of one sample for each channel."""
        return self.channels * self.bits // 8
