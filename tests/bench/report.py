"""The table: each number beside its budget, the floor, and what comparable clients reach. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

Numbers = Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class Row:
    """One line. `others`: Google's sample, pipecat, the LiveKit console, over the same kind of loopback."""

    title: str
    number: str
    """Its name in `results.Client.numbers`."""
    budget: float | None = None
    """At most this; None: there is none."""
    others: tuple[str, str, str] = ("–", "–", "–")
    digits: int = 0


ROWS = (
    Row("added latency p50, ms", "added_latency_p50_ms", 20, ("62", "18", "524"), 1),
    Row("added latency p90, ms", "added_latency_p90_ms", 30, ("70", "33", "585"), 1),
    Row("  mouth → wire p50, ms", "mouth_to_wire_p50_ms", digits=1),
    Row("  mouth → wire p90, ms", "mouth_to_wire_p90_ms", digits=1),
    Row("  wire → ear p50, ms", "wire_to_ear_p50_ms", digits=1),
    Row("  wire → ear p90, ms", "wire_to_ear_p90_ms", digits=1),
    Row("turns measured", "turns"),
    Row("turns without an answer", "turns_failed", 0),
    Row("replies with an audible break", "replies_broken", 0, ("10 of 24", "15 of 24", "0 of 24")),
    Row("  length of the breaks, ms", "breaks_ms"),
    Row("user speech, s", "speech_s", digits=1),
    Row("  not received, ms", "speech_missing_ms", 0, ("280 of 70 s", "100 of 70 s", "5200 of 70 s")),
    Row("  received twice, ms", "speech_doubled_ms", 0),
    Row("command → silence p50, ms", "press_to_silence_p50_ms", 40, digits=1),
    Row("command → silence, worst, ms", "press_to_silence_max_ms", 40, digits=1),
    Row("interrupted → silence p50, ms", "interrupted_to_silence_p50_ms", 40, ("21", "42", "254"), 1),
    Row("interrupted → silence, worst, ms", "interrupted_to_silence_max_ms", 40, digits=1),
    Row("CPU waiting, s/min", "cpu_waiting_s_per_min", 0.9, ("1.3", "4.2", "3.8"), 2),
    Row("  CPU waiting, front end on", "front_end_cpu_waiting_s_per_min", 0.9, digits=2),
    Row("  audio sent while waiting, s", "sent_while_waiting_s", 0, ("all", "all", "all"), 1),
    Row("CPU talking, s/min", "cpu_talking_s_per_min", 2.1, ("2.1", "5.0", "4.5"), 2),
    Row("  CPU talking, front end on", "front_end_cpu_talking_s_per_min", 3.5, digits=2),
    Row("memory peak, MB", "memory_peak_mb", 90, ("118", "161", "452"), 1),
    Row("  memory peak, front end on", "front_end_memory_peak_mb", 90, digits=1),
    Row("memory at the end, MB", "memory_steady_mb", digits=1),
    Row("  of it pages of libraries", "memory_mapped_mb", digits=1),
    Row("start → READY, ms", "start_to_ready_p50_ms", 400),
    Row("start → first set-up, ms", "start_to_setup_p50_ms", 800, ("702", "1090", "2307")),
)

HEAD = ("", "Conure", "must be", "", "floor", "ratio", "Google", "pipecat", "LiveKit")


def verdict(value: float | None, budget: float | None) -> str:
    """`ok`, `MISSED`, or nothing where there is nothing to say."""
    if budget is None or value is None:
        return ""
    return "ok" if value <= budget else "MISSED"


def missed(conure: Numbers) -> list[str]:
    """The titles of the budgets that were missed."""
    return [row.title.strip() for row in ROWS if verdict(conure[row.number], row.budget) == "MISSED"]


def table(conure: Numbers, floor: Numbers) -> str:
    """All rows, in columns."""
    lines = [HEAD, *(_cells(row, conure[row.number], floor[row.number]) for row in ROWS)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEAD))]
    return "\n".join(_in_columns(line, widths) for line in lines)


def _cells(row: Row, conure: float | None, floor: float | None) -> tuple[str, ...]:
    return (
        row.title,
        _number(conure, row.digits),
        "" if row.budget is None else f"≤ {row.budget:g}",
        verdict(conure, row.budget),
        _number(floor, row.digits),
        "" if conure is None or not floor or row.number.startswith("turns") else f"{conure / floor:.2f}",
        *row.others,
    )


def _number(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def _in_columns(cells: Iterable[str], widths: list[int]) -> str:
    first, *rest = (
        cell.rjust(width) if column else cell.ljust(width)
        for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    return "  ".join([first, *rest]).rstrip()
