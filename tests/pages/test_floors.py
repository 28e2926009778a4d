"""The house: a module imports from its own room and from lower floors; no circle; no hall of too many doors.

A room is a folder of `daemon/` or `hw/`, or a module beside them.
"""

from __future__ import annotations

from collections import Counter
from graphlib import CycleError, TopologicalSorter

import pytest
from imports import graph, modules
from places import ROOT

FLOORS = {
    "daemon": (
        "masking outside certificates histogram server_events words", "errors events standin",
        "dialogue config runtime", "hearing lights tools", "session console seeing", "speaking",
        "reminders announcements",
        "conductor", "control",
        "run doctor home", "web", "cli", "__main__",
    ),
    "hw": ("base files", "gpio sound simulated camera", "lights", "boards", "build"),
}  # fmt: skip
"""From the ground up; what stands on one floor is independent. `hw` knows nothing of `daemon`."""

LARGEST_FOLDER = {"daemon": 21, "hw": 12, "tests": 25}
"""Files in one folder: more hide the architecture."""

LEVEL = {
    f"{top}.{room}": n for top in FLOORS for n, floor in enumerate(FLOORS[top]) for room in floor.split()
}


def room_of(module: str) -> str:
    return ".".join(module.split(".")[:2])


def climbs(module: str, target: str) -> bool:
    here, there = room_of(module), room_of(target)
    within_one_package = here != there and there in LEVEL and here.split(".")[0] == there.split(".")[0]
    return within_one_package and LEVEL[there] >= LEVEL[here]


def test_no_module_imports_upward_or_sideways() -> None:
    assert [f"{a} -> {b}" for a, targets in graph().items() for b in sorted(targets) if climbs(a, b)] == []


def test_every_room_has_its_floor() -> None:
    assert {room_of(module) for module, _ in modules()} - {"daemon", "hw"} == LEVEL.keys()


def test_no_modules_import_one_another_in_a_circle() -> None:
    try:
        TopologicalSorter(graph()).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


@pytest.mark.parametrize("top", LARGEST_FOLDER)
def test_no_folder_hides_the_architecture(top: str) -> None:
    files = Counter(path.parent for path in (ROOT / top).rglob("*.py"))
    assert {str(folder): count for folder, count in files.items() if count > LARGEST_FOLDER[top]} == {}
