"""`conure …`, on whose simulated button a test can press: by SIGUSR1, for a moment.

python tests/browser/speaker.py run --config FILE
"""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from daemon.cli.main import main
from hw.base import EdgeCallback
from hw.simulated.board import SimulatedButton

HELD_S = 0.2


def press_by_signal() -> None:
    """From now on the button that is opened is pressed by SIGUSR1."""
    opened = SimulatedButton.open

    def open_and_listen(button: SimulatedButton, on_edge: EdgeCallback) -> SimulatedButton:
        def press(*_: Any) -> None:
            button.press()
            threading.Timer(HELD_S, button.release).start()

        signal.signal(signal.SIGUSR1, press)
        return opened(button, on_edge)

    SimulatedButton.open = open_and_listen  # type: ignore[assignment, method-assign]  # the same call


if __name__ == "__main__":
    press_by_signal()
    sys.exit(main())
