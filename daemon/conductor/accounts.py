"""What was sent and received on each calendar day, and whether the day's budget is used up. Pure.

It counts what is paid for: audio that went to the service, also what had to be sent again; audio that came
from it, played or not; and the tokens that the service says it has counted. The caller names the present day.
So summer time, a clock that jumps, or a restart can only change which day grows; none sets a day to zero.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import asdict, dataclass, fields
from datetime import date
from typing import Any

from daemon.config.settings import UsageSettings
from hw.base import MIC_FORMAT, SPEAKER_FORMAT

HISTORY_DAYS = 60
"""Days that are remembered, the unset one aside; of more, the one farthest from today is forgotten."""

UNSET = "unset"
"""The day of a clock that has not been set yet. It has no budget, for nobody knows whose day it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """What was used: bytes of PCM (16 kHz up, 24 kHz down), tokens, and turns that the budget refused.

    `eager_ends`: utterances that were closed at a pause, of which `eager_wasted` went on. That cost
    `again_bytes` of what was sent, and `unheard_bytes` of what was received.
    """

    sent_bytes: int = 0
    received_bytes: int = 0
    prompt_tokens: int = 0
    response_tokens: int = 0
    refused: int = 0
    eager_ends: int = 0
    eager_wasted: int = 0
    again_bytes: int = 0
    unheard_bytes: int = 0

    def __add__(self, more: Day) -> Day:
        sums = {name: getattr(self, name) + getattr(more, name) for name in _NUMBERS}
        return Day(**sums)

    @property
    def audio_s(self) -> float:
        """Seconds of audio in both directions together."""
        return MIC_FORMAT.seconds(self.sent_bytes) + SPEAKER_FORMAT.seconds(self.received_bytes)

    @property
    def tokens(self) -> int:
        """Tokens of both directions together."""
        return self.prompt_tokens + self.response_tokens

    def as_words(self) -> dict[str, Any]:
        """For `conure status`."""
        return {
            "sent_s": round(MIC_FORMAT.seconds(self.sent_bytes), 1),
            "received_s": round(SPEAKER_FORMAT.seconds(self.received_bytes), 1),
            "prompt_tokens": self.prompt_tokens,
            "response_tokens": self.response_tokens,
            "refused": self.refused,
            "eager_ends": self.eager_ends,
            "eager_wasted": self.eager_wasted,
            "eager_wasted_s": round(
                MIC_FORMAT.seconds(self.again_bytes) + SPEAKER_FORMAT.seconds(self.unheard_bytes), 1
            ),
        }


_NUMBERS = tuple(field.name for field in fields(Day))


def no_calendar() -> str:
    """The present day where nobody knows the time."""
    return UNSET


class Accounts:
    """The usage of each day, and the budget of today. Event loop only."""

    def __init__(
        self,
        limits: UsageSettings | None = None,
        today: Callable[[], str] = no_calendar,
        days: Mapping[str, Day] | None = None,
    ) -> None:
        """`today` gives the present day as "2026-11-21", or UNSET; `days` is what is known of old."""
        self._limits = limits or UsageSettings()
        self.today = today
        self.days = dict(days or {})
        self.since_start = Day()
        """All that this process has counted; it only grows."""

    def add(self, more: Day) -> None:
        """Count something on the present day."""
        day = self.today()
        self.days[day] = self.days.get(day, Day()) + more
        self.since_start += more
        forget_far_days(self.days, day)

    def used_today(self) -> Day:
        """What was used on the present day."""
        return self.days.get(self.today(), Day())

    def used_up(self) -> bool:
        """Whether the budget of the present day is used up, so that no turn may begin."""
        ratio = self.budget_ratio()
        return ratio is not None and ratio >= 1.0

    def budget_ratio(self) -> float | None:
        """How much of the present day's budget is used: 1.0 is all of it. None where there is no limit."""
        minutes, tokens = self._limits.daily_minutes, self._limits.daily_tokens
        if not (minutes or tokens) or self.today() == UNSET:
            return None
        used = self.used_today()
        shares = (used.audio_s / (minutes * 60) if minutes else 0.0, used.tokens / tokens if tokens else 0.0)
        return max(shares)

    def refuse(self) -> bool:
        """Count a turn that was refused; returns whether it is the first on this day."""
        self.add(Day(refused=1))
        return self.used_today().refused == 1

    def budget_words(self) -> str | None:
        """How much of the budget is used, and when it starts again; None where there is no limit."""
        used, limits = self.used_today(), self._limits
        parts = []
        if limits.daily_minutes:
            parts.append(f"{used.audio_s / 60:.1f} of {limits.daily_minutes:g} minutes")
        if limits.daily_tokens:
            parts.append(f"{used.tokens} of {limits.daily_tokens} tokens")
        if not parts:
            return None
        amount = ", ".join(parts)
        if self.today() == UNSET:
            return f"{amount}; not limited while the clock is not set"
        return f"used up ({amount}); starts again at midnight" if self.used_up() else f"{amount} used"

    def report(self) -> dict[str, Any]:
        """For `conure status`: today, the calendar month, and the budget in words."""
        today = self.today()
        month = today[: len("2026-11")]
        total = sum((used for day, used in self.days.items() if day.startswith(month)), Day())
        return {
            "today": {"day": today, **self.used_today().as_words()},
            "this_month": total.as_words(),
            "budget": self.budget_words(),
            "budget_ratio": None if (ratio := self.budget_ratio()) is None else round(ratio, 4),
        }

    def as_dict(self) -> dict[str, Any]:
        """For the file, the oldest day first; `read_days` takes it back."""
        return {"days": {day: asdict(used) for day, used in sorted(self.days.items())}}


def read_days(data: Any) -> dict[str, Day]:
    """What `as_dict` gave. Numbers that it does not know are passed over. Raises ValueError for the rest."""
    match data:
        case {"days": dict(days)}:
            return {checked_day(day): _read_day(numbers) for day, numbers in days.items()}
    raise ValueError("there are no days in it")


def checked_day(day: str) -> str:
    """The day as it is, if it is one, or UNSET. Raises ValueError for what is none."""
    if day != UNSET and date.fromisoformat(day).isoformat() != day:
        raise ValueError(f"{day} is not a day")
    return day


def _read_day(numbers: Any) -> Day:
    table = numbers if isinstance(numbers, dict) else {}
    known = {name: table.get(name, 0) for name in _NUMBERS}
    if not table or not all(type(number) is int and number >= 0 for number in known.values()):
        raise ValueError("a day is not a table of whole numbers")
    return Day(**known)


def forget_far_days(days: MutableMapping[str, Any], today: str) -> None:
    """Drop days until they are HISTORY_DAYS: those of a clock that once was wrong are far away."""
    if len(days) <= HISTORY_DAYS:
        return
    dated = sorted(day for day in days if day != UNSET)
    if today == UNSET:
        farthest_first = dated
    else:
        farthest_first = sorted(dated, key=lambda day: -abs(_number(day) - _number(today)))
    for day in farthest_first[: max(0, len(dated) - HISTORY_DAYS)]:
        del days[day]


def _number(day: str) -> int:
    return date.fromisoformat(day).toordinal()
