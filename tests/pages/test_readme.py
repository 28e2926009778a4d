"""The tables of the pages are the program's own, and the README stays short."""

from __future__ import annotations

import pytest
from readme_tables import ROOT, TABLES, config_table, place_of

from daemon.config.schema import KEYS


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_what_the_program_says(name: str) -> None:
    """If this fails, run `python tests/pages/readme_tables.py`."""
    text = TABLES[name].path.read_text("utf-8")
    begin, end = place_of(name, text)
    assert text[begin:end].strip() == TABLES[name].make().strip()


def test_the_table_has_one_row_of_four_cells_for_each_key() -> None:
    rows = config_table().splitlines()[2:]
    assert [row.split("`")[1] for row in rows] == [key.full_name for key in KEYS]
    assert all(row.replace("\\|", "").count("|") == 5 for row in rows)
    assert '| `button.pull` | `"up"` | `up`, `down`, `none` | internal resistor |' in rows


def test_the_readme_is_read_in_one_sitting() -> None:
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) <= 250
