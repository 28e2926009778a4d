"""What the broker is told of the speaker, made of what the speaker tells of itself. Pure.

The status is known from a snapshot and kept by the notes that follow it. What no note tells, the use of the
day and when the next timer rings, is asked for again after the notes that may change it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

Note = Mapping[str, Any]

ASK_AGAIN = ("turn", "timers", "talk", "gap")
"""Notes after which the status is another than what the notes tell."""

SHORT_CHARS = 255
"""Longest state of an entity in Home Assistant (const.py, MAX_LENGTH_STATE_STATE)."""

SAME_TIMER_S = 2.0
"""The time of a timer is counted from now each time; it is the same if it differs by no more than this."""


class Picture:
    """The speaker as it is known."""

    def __init__(self) -> None:
        self.present = False
        """Whether the speaker answers."""
        self._status: dict[str, Any] | None = None
        self._rings_at_s: float | None = None

    @property
    def known(self) -> bool:
        """Whether there is something to tell."""
        return self.present and self._status is not None

    def hear(self, note: Note) -> None:
        """Take a note into the status."""
        match note:
            case {"event": "speaker", "speaker": here}:
                self.present = here == "here"
            case {"event": "snapshot", "status": dict(status)}:
                self._status = status
            case {"event": str(event), **told} if self._status is not None:
                _fold(self._status, event, told)

    def take_timers(self, book: Mapping[str, Any], wall_s: float) -> None:
        """What the command `timers` gave as data, at a time since the epoch."""
        waits = [one["left_s"] for one in book.get("waiting", ()) if one.get("left_s") is not None]
        rings_at_s = wall_s + min(waits) if waits else None
        known_s = self._rings_at_s
        if rings_at_s is None or known_s is None or abs(rings_at_s - known_s) > SAME_TIMER_S:
            self._rings_at_s = rings_at_s

    def state(self) -> dict[str, Any]:
        """The message of the state; only where something is known."""
        status = self._status or {}
        link, timers = status.get("link", {}), status.get("timers", {})
        about = _problem(status)
        return {
            "state": status.get("state"),
            "light": status.get("light"),
            "next_timer": _iso(self._rings_at_s),
            "last_answer_ms": _last_answer(status.get("turns", ())),
            **_used(status.get("usage", {}).get("today", {})),
            "connected": _on(link.get("state") == "online"),
            "problem": _on(about["problem"]),
            "problem_about": about,
            "ringing": _on(timers.get("rings")),
            "on_phone": _on(status.get("talks")),
            "mute": _on(_is_deaf(status)),
            "volume": status.get("volume"),
        }

    @property
    def board(self) -> str:
        """The board's name; empty while it is not known."""
        return str((self._status or {}).get("board", ""))

    @property
    def version(self) -> str:
        """Of the program; empty while it is not known."""
        return str((self._status or {}).get("version", ""))


def _fold(status: dict[str, Any], event: str, told: Note) -> None:
    """`watching.py` tells what the events hold: the names are those of the status."""
    match event:
        case "state" | "mute" | "volume" | "light":
            status.update(
                {name: told[name] for name in ("state", "muted", "volume", "light") if name in told}
            )
        case "link" | "timers":
            status[event] = {**status.get(event, {}), **told}
        case "device":
            devices = status.setdefault("devices", {})
            name = str(told.get("device"))
            devices[name] = {**devices.get(name, {}), **told}


def _on(flag: object) -> str:
    return "ON" if flag else "OFF"


def _is_deaf(status: Note) -> bool:
    """Muted, and the capture stream is closed: until then it may still hear."""
    mic = status.get("devices", {}).get("mic", {})
    return bool(status.get("muted")) and not mic.get("open")


def _problem(status: Note) -> dict[str, str]:
    """What is wrong, and what helps, as attributes; empty texts where nothing is."""
    link = status.get("link", {})
    found = [link.get("problem"), *(one.get("problem") for one in status.get("devices", {}).values())]
    words = "; ".join(str(one) for one in found if one)
    return {"problem": words, "remedy": str(link.get("remedy") or "") if link.get("problem") else ""}


def _last_answer(turns: Any) -> float | None:
    """From the end of speech to the first sample of the newest answer that has one, in ms."""
    found = (turn.get("end_to_first_sample_ms") for turn in reversed(list(turns)))
    return next((ms for ms in found if ms is not None), None)


def _used(today: Note) -> dict[str, Any]:
    seconds = today.get("sent_s", 0.0) + today.get("received_s", 0.0)
    tokens = today.get("prompt_tokens", 0) + today.get("response_tokens", 0)
    return {"minutes_today": round(seconds / 60, 1), "tokens_today": tokens}


def _iso(at_s: float | None) -> str | None:
    return None if at_s is None else datetime.fromtimestamp(round(at_s), UTC).isoformat()


# --- what happens ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """Something that has no state: it is told once."""

    kind: str
    """`conversation`, `timer`, `button` or `said`."""
    told: Mapping[str, Any]


ANSWERED = ("answered", "cut")
FAILED = ("failed", "short")
"""Outcomes of a turn; after the others there is nothing to tell: nobody spoke, or nothing was to be said."""

GESTURES = {"tapped": "tap", "double": "double", "held": "hold", "long": "long"}
TIMER_FATES = {"rings": "rang", "missed": "missed"}


def happenings(note: Note) -> Iterator[Happening]:
    """What of a note is told as an event."""
    match note:
        case {"event": "state", "was": "idle", "state": phase, "cause": cause} if phase != "idle":
            yield Happening(kind="conversation", told={"event_type": "begun", "cause": cause})
        case {"event": "turn", "outcome": outcome, "trigger": trigger} if outcome in (*ANSWERED, *FAILED):
            event = "answered" if outcome in ANSWERED else "failed"
            yield Happening(
                kind="conversation", told={"event_type": event, "outcome": outcome, "trigger": trigger}
            )
        case {"event": "reminder", "what": str(what), "kind": kind} if what in TIMER_FATES:
            yield Happening(kind="timer", told={"event_type": TIMER_FATES[what], "kind": kind})
        case {"event": "gesture", "gesture": str(gesture)} if gesture in GESTURES:
            yield Happening(kind="button", told={"event_type": GESTURES[gesture]})


@dataclass(slots=True)
class SpokenLines:
    """Joins the pieces of what was said into a line for each side of a turn."""

    _pieces: dict[str, str] = field(default_factory=dict)

    def hear(self, note: Note) -> Iterator[Happening]:
        """Take a note; at the end of a turn, what each side said."""
        match note:
            case {"event": "say", "text": str(text)}:
                self._pieces["you"] = text
            case {"event": "transcript", "who": who, "text": str(text)}:
                side = "you" if who == "user" else "it"
                self._pieces[side] = (self._pieces.get(side, "") + text)[:WHOLE_CHARS]
            case {"event": "turn"}:
                spoken, self._pieces = self._pieces, {}
                for side, text in spoken.items():
                    yield Happening(kind="said", told={"who": side} | said_words(text.strip()))


WHOLE_CHARS = 4000


def said_words(text: str) -> dict[str, str]:
    """The beginning that an entity shows, and the whole."""
    return {"short": text if len(text) <= SHORT_CHARS else f"{text[: SHORT_CHARS - 1]}…", "text": text}
