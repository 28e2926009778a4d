"""The systemd service: whether it is there and runs, and why it last ended, in words."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from daemon.doctor.finding import Check, Finding, fine, skipped, wrong
from daemon.doctor.unit import UNIT, Unit
from daemon.errors import EX_CONFIG
from daemon.outside import json_of

if TYPE_CHECKING:
    from daemon.doctor.case import Case


JOURNAL_LINES = 400
"""Newest lines of the journal that are looked through: a unit that fails again and again writes some ten each
time, and systemd gives up after five."""

FAILURES_SHOWN = 3

WORDS: dict[str, tuple[str, str]] = {
    # systemd's word for how a service ended (systemd.exec(5), $SERVICE_RESULT), in plain words; what to do
    "watchdog": (
        "it stopped moving, and the watchdog ended it",
        "look at the lines before it: `journalctl -u conure -p warning`; please report it",
    ),
    "oom-kill": (
        "the memory was used up",
        "end other programs (`free -m` tells), or give it more memory: MemoryMax= in the unit",
    ),
    "timeout": (
        "it did not become ready, or did not end, in time",
        "a device that hangs: unplug and plug it again; `journalctl -u conure -n 50` tells which",
    ),
    "signal": ("a signal ended it", "`journalctl -u conure -n 50` tells more"),
    "core-dump": ("it crashed", "`coredumpctl info conure` tells where; please report it"),
    "protocol": ("it ended before it was ready", "`journalctl -u conure -n 50` tells why"),
    "resources": ("systemd could not start it", "`systemctl status conure` names the file or the user"),
    "start-limit-hit": (
        "it failed too often, and is not tried again",
        "mend the cause, then `sudo systemctl reset-failed conure && sudo systemctl start conure`",
    ),
}

CONFIG_WORDS = (
    f"it ended with status {EX_CONFIG}: the configuration, the key or a device's name cannot work",
    "`sudo conure config check`, then `sudo systemctl restart conure`",
)


BEFORE_START: dict[int, tuple[str, str]] = {
    # exit statuses of systemd's own, before the program has begun (systemd.exec(5), Process Exit Codes)
    203: ("the program cannot be started", "`sudo scripts/install` installs it again"),
    216: ("a group of the unit does not exist", "`sudo systemd-sysusers`, or `sudo scripts/install`"),
    217: ("the user of the unit does not exist", "`sudo systemd-sysusers`, or `sudo scripts/install`"),
    226: ("its directories cannot be set up", "`journalctl -u conure -n 20` names the directory"),
    243: ("the API key cannot be handed to it", "`sudo scripts/install` asks for the key again"),
}


def probe(case: Case) -> Iterator[Finding]:
    """The service, and its last failures."""
    yield judge_unit(case.unit, case.stuck, by_hand=case.status is not None)
    yield _failures(case)


def judge_unit(unit: Unit, stuck: str = "", *, by_hand: bool = False) -> Finding:
    """Whether the service runs. `by_hand`: some daemon does, be it the service or one on a terminal."""
    check = Check.SERVICE
    if stuck:
        return wrong(check, stuck, "`sudo systemctl restart conure`")
    if not unit.systemd:
        return skipped(check, "this machine is not run by systemd")
    if not unit.installed:
        found = "not installed" + (", but conure runs in the foreground" if by_hand else "")
        return skipped(check, found, "`sudo scripts/install` makes it start at boot")
    if unit.active in ("active", "reloading"):
        return _running(unit)
    if unit.active == "activating":
        return _starting(unit)
    if unit.active == "failed":
        words, remedy = in_words(unit.result, unit.exit_status)
        return wrong(check, f"failed: {words}", remedy)
    return skipped(check, f"{unit.active or 'not running'}", "`sudo systemctl start conure`")


def _running(unit: Unit) -> Finding:
    if not unit.enabled:
        return wrong(Check.SERVICE, "runs, but does not start at boot", "`sudo systemctl enable conure`")
    return fine(Check.SERVICE, "runs" + (f" ({unit.says})" if unit.says else ""))


def _starting(unit: Unit) -> Finding:
    if unit.restarts == 0:
        return fine(Check.SERVICE, "is starting")
    words, remedy = in_words(unit.result, unit.exit_status)
    return wrong(Check.SERVICE, f"is being started again, for the {unit.restarts}. time: {words}", remedy)


def in_words(result: str, exit_status: int) -> tuple[str, str]:
    """How a service ended, and what to do."""
    if exit_status == EX_CONFIG and result in ("exit-code", "start-limit-hit"):
        return CONFIG_WORDS
    if result == "exit-code" and exit_status in BEFORE_START:
        return BEFORE_START[exit_status]
    if result == "exit-code":
        return f"it ended with status {exit_status}", "`journalctl -u conure -n 50` tells why"
    return WORDS.get(result, (f"systemd says {result!r}", "`systemctl status conure` tells more"))


def _failures(case: Case) -> Finding:
    check = Check.FAILURES
    if not case.unit.installed:
        return skipped(check, "no service, no failures")
    command = ["journalctl", f"--unit={UNIT}", "--since=-24h", f"--lines={JOURNAL_LINES}", "--output=json"]
    journal = case.machine.run([*command, "--no-pager", "--quiet"])
    if journal is None:
        return skipped(check, "the journal cannot be read", "`sudo conure doctor`")
    if not journal and not case.machine.is_root:  # it then says so on stderr only
        return skipped(check, "nothing that this user may read", "`sudo conure doctor`")
    return judge_journal(journal, case.unit.restarts)


def judge_journal(journal: str, restarts: int) -> Finding:
    """The failures of a day, from the journal as JSON lines; `restarts` as systemd counts them."""
    check = Check.FAILURES
    results, complaints = _read_journal(journal)
    if not results and not restarts:
        return fine(check, "none in the last 24 hours")
    if not results:
        return wrong(
            check, f"started again {restarts} times", "`journalctl -u conure -p warning` may tell why"
        )
    kinds = Counter(results).most_common(FAILURES_SHOWN)
    told = [f"{count} × {in_words(*kind)[0]}" for kind, count in kinds]
    last = [f"its last words: {complaints[-1]}"] if complaints else []
    return wrong(
        check, "; ".join(["in the last 24 hours " + ", ".join(told), *last]), in_words(*results[-1])[1]
    )


def _read_journal(journal: str) -> tuple[list[tuple[str, int]], list[str]]:
    """How it ended each time, as systemd's result and the exit status; and what it complained of itself."""
    results: list[tuple[str, int]] = []
    complaints: list[str] = []
    status = 0
    for line in journal.splitlines():
        message, severe = _message(line)
        if found := re.search(r"Main process exited, code=\w+, status=(\d+)", message):
            status = int(found[1])
        elif found := re.search(r"Failed with result '([\w-]+)'", message):
            results.append((found[1], status if found[1] == "exit-code" else 0))
        elif severe:
            complaints.append(message)
    return results, complaints


def _message(line: str) -> tuple[str, bool]:
    """The text of a line of the journal, and whether the service itself warns in it."""
    try:
        entry = json_of(line)
    except ValueError:
        return "", False
    if not isinstance(entry, dict):
        return "", False
    message = entry.get("MESSAGE")
    warns = entry.get("PRIORITY") in ("0", "1", "2", "3", "4")
    ours = entry.get("_SYSTEMD_UNIT") == UNIT and warns
    return (message, ours) if isinstance(message, str) else ("", False)
