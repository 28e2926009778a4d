"""A status as a speaker gives it, with all that metrics are made of."""

from __future__ import annotations

from typing import Any

from daemon.conductor.totals import BOUNDS_S, DURATIONS
from daemon.events import Trigger
from daemon.words import Outcome

TOTALS: dict[str, Any] = {
    "turns": {outcome.value: {trigger.value: 0 for trigger in Trigger} for outcome in Outcome},
    "bounds_s": list(BOUNDS_S),
    "durations": {name: {"counts": [0] * (len(BOUNDS_S) + 1), "sum_s": 0.0} for name in DURATIONS},
    "used": {"sent_s": 12.5, "received_s": 30.0, "prompt_tokens": 700, "response_tokens": 90},
}
STATUS: dict[str, Any] = {
    "version": "0.1.0", "board": "generic", "model": "gemini-3.8-live", "state": "speaking", "up_s": 60.0,
    "muted": False, "volume": 70, "light": "speaking", "resident_bytes": 60_000_000,
    "link": {"state": "online", "connects": 3, "failures": 1, "problem": None, "problem_since_s": None},
    "devices": {"mic": {"level_dbfs": -41.5, "floor_dbfs": -60.0}},
    "rings": {"uplink": {"level_bytes": 10, "lost_bytes": 2}, "reply": {"level_bytes": 0, "lost_bytes": 0}},
    "timers": {"waiting": 2, "rings": ["tea"], "missed": None},
    "usage": {"budget_ratio": 0.25},
    "counters": {"mic_overruns": 4, "events_high_water": 9},
    "turn_totals": TOTALS,
}  # fmt: skip
