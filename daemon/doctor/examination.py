"""The examination: every family of checks on a thread of its own, all of them within a time limit."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from daemon.doctor import access, camera, devices, host, service
from daemon.doctor.case import Case, Wishes, admit
from daemon.doctor.finding import Check, Finding, in_order, skipped, wrong
from daemon.doctor.machine import Machine
from daemon.doctor.network import to_broker, to_service

LIMIT_S = 15.0
"""For all of it: who asks for a diagnosis waits so long, and a part that hangs is a diagnosis itself."""

SOUND_LIMIT_S = 30.0
"""The same where a test sound is played, which takes ten seconds of it, and its analysis on a small board a
few."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Family:
    """Checks that are made one after the other."""

    checks: tuple[Check, ...]
    probe: Callable[[Case], Iterable[Finding]]
    if_stuck: str
    """What to do when it does not come to an end."""


def _key(case: Case) -> Iterable[Finding]:
    yield access.find_key(case)[1]


FAMILIES = (
    Family((Check.API_KEY,), _key, "is its file on a network drive?"),
    Family((Check.GROUPS,), access.probe, "does systemd itself answer (`systemctl status`)?"),
    Family(devices.CHECKS, devices.probe, "unplug the device and plug it in again, or restart the machine"),
    Family((Check.CAMERA,), camera.probe, "end the program that has the camera, or restart the machine"),
    Family(host.CHECKS, host.probe, "restart the machine; does its card still work (`dmesg`)?"),
    Family(to_service.CHECKS, to_service.probe, "try another network (a phone's hotspot)"),
    Family((Check.BROKER,), to_broker.probe, "does the broker's name resolve (`getent hosts NAME`)?"),
    Family(
        (Check.SERVICE, Check.FAILURES), service.probe, "does systemd itself answer (`systemctl status`)?"
    ),
)


class _Round:
    """One family's checks under way."""

    def __init__(self, family: Family, case: Case) -> None:
        self._family = family
        self._case = case
        self._findings: list[Finding] = []
        # daemon=True: a probe that hangs in a driver must not keep the process.
        self._thread = threading.Thread(target=self._run, name=f"doctor {family.checks[0]}", daemon=True)
        self._thread.start()

    def result(self, wait_s: float) -> list[Finding]:
        """What was found until then, and of each check that is missing, that it is."""
        self._thread.join(max(0.0, wait_s))
        found = list(self._findings)
        missing = [check for check in self._family.checks if check not in {one.check for one in found}]
        if missing and self._thread.is_alive():
            found.append(wrong(missing[0], "no answer in time", self._family.if_stuck))
            missing = missing[1:]
        return found + [skipped(check, "not reached") for check in missing]

    def _run(self) -> None:
        try:
            for finding in self._family.probe(self._case):
                self._findings.append(finding)
        except Exception as error:  # one broken check must not take the others' findings with it
            log.debug("a check of the doctor failed", exc_info=True)
            self._report(error)

    def _report(self, error: Exception) -> None:
        done = {one.check for one in self._findings}
        check = next((one for one in self._family.checks if one not in done), self._family.checks[-1])
        words = f"the check itself failed: {type(error).__name__}: {error}"
        self._findings.append(wrong(check, words, "please report this: it is a fault of conure's"))


def examine(
    machine: Machine,
    wishes: Wishes,
    families: Sequence[Family] = FAMILIES,
    limit_s: float | None = None,
) -> tuple[Case, list[Finding]]:
    """Look at everything; the findings come in the order of the table.

    Takes at most some `limit_s`: LIMIT_S or SOUND_LIMIT_S, if nothing is said.
    """
    usual_s = SOUND_LIMIT_S if wishes.sound else LIMIT_S
    give_up_s = time.monotonic() + (usual_s if limit_s is None else limit_s)
    case, findings = admit(machine, wishes)
    rounds = [_Round(family, case) for family in families]
    for one in rounds:
        findings += one.result(give_up_s - time.monotonic())
    return case, in_order(findings)
