"""What is not there is not asked about."""

from __future__ import annotations

import pytest

from daemon.doctor.by_hand import _lights
from daemon.doctor.devices import NO_LIGHTS
from hw.build import BoardSpec, RealBoard


def test_nobody_is_asked_about_lights_that_are_not_there() -> None:
    def asked(text: str) -> bool:
        pytest.fail(f"asked: {text}")

    board = RealBoard("generic", BoardSpec())
    assert _lights(None, board, asked, asked, lambda _s: None) is NO_LIGHTS  # type: ignore[arg-type]  # no case is needed
