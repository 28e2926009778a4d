"""The tables of the pages are the program's own, and the README stays short."""

from __future__ import annotations

import pytest
from fault_cases import CASES
from fault_table import HEAD, PAGE, POINTS, told
from readme_tables import ROOT, TABLES, config_table, place_of

from daemon.config.schema import KEYS

MEND = "run `.venv/bin/python tests/pages/readme_tables.py`"


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_what_the_program_says(name: str) -> None:
    text = TABLES[name].path.read_text("utf-8")
    begin, end = place_of(name, text)
    assert text[begin:end].strip() == TABLES[name].make().strip(), MEND


def test_the_table_has_one_row_of_four_cells_for_each_key() -> None:
    rows = config_table().splitlines()[2:]
    assert [row.split("`")[1] for row in rows] == [key.full_name for key in KEYS]
    assert all(row.replace("\\|", "").count("|") == 5 for row in rows)
    assert '| `button.pull` | `"up"` | `up`, `down`, `none` | internal resistor |' in rows


def test_the_page_about_faults_tells_all_that_is_tried_and_nothing_else() -> None:
    """If this fails, run `tests/pages/fault_table.py`, which measures as well."""
    page = PAGE.read_text("utf-8")
    assert page.startswith(HEAD)
    rows = [line for line in page.splitlines() if line.startswith("| ") and not line.startswith("| Fault |")]
    untimed = [f"{line.rsplit(' | ', 1)[0]} |" for line in rows]
    assert untimed == [told(case) for point in POINTS for case in CASES if case.point is point]


def test_the_readme_is_read_in_one_sitting() -> None:
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) <= 250
