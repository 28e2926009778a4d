"""What was said lately, for a page that opens. Pure: in memory alone, and for as long as the settings say."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

MAX_LINES = 120
"""Lines that are kept; policy for one more: the oldest goes."""
LINE_CHARS = 4000
"""Longest line; policy: what is beyond it is left out."""

MINUTE_S = 60.0


@dataclass(slots=True)
class SaidLine:
    """What one side said in a turn, joined from its pieces."""

    who: str
    text: str
    at: str
    """Local time of its first piece, as the speaker wrote it."""
    began_s: float
    key: int
    """Below 0, another for each line: a page gives its own lines keys from 0 up."""
    over: bool = False


class RecentWords:
    """Listens to the speaker's notes, and remembers the words among them."""

    def __init__(self, minutes: float, clock: Callable[[], float]) -> None:
        """`minutes` of 0: nothing is remembered."""
        self._kept_s = minutes * MINUTE_S
        self._clock = clock
        self._lines: deque[SaidLine] = deque(maxlen=MAX_LINES)
        self._key = 0

    def hear(self, note: dict[str, Any]) -> None:
        """Take a note. The two sides of a turn may interleave; its end, or a turn in writing, ends both."""
        match note:
            case {"event": "say", "text": str(text)}:
                self._end_lines()
                self._add("user", text, note)
            case {"event": "transcript", "who": str(who), "text": str(text)}:
                self._add("user" if who == "user" else "model", text, note)
            case {"event": "turn" | "end"}:
                self._end_lines()

    def lines(self) -> list[dict[str, Any]]:
        """What is remembered, the oldest first; a line that is not `over` may still grow."""
        self._forget()
        names = ("who", "text", "at", "over", "key")
        return [{name: getattr(line, name) for name in names} for line in self._lines]

    def _add(self, who: str, text: str, note: dict[str, Any]) -> None:
        if not self._kept_s:
            return
        line = next((line for line in reversed(self._lines) if line.who == who and not line.over), None)
        if line is None:
            self._key -= 1
            line = SaidLine(
                who=who, text="", at=str(note.get("at", "")), began_s=self._clock(), key=self._key
            )
            self._lines.append(line)
        line.text = (line.text + text).lstrip()[:LINE_CHARS]

    def _end_lines(self) -> None:
        self._forget()
        for line in self._lines:
            line.over = True

    def _forget(self) -> None:
        oldest_s = self._clock() - self._kept_s
        while self._lines and self._lines[0].began_s <= oldest_s:
            self._lines.popleft()
