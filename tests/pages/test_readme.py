"""The README's tables are the program's own."""

from __future__ import annotations

import pytest
from readme_tables import README, TABLES, place_of


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_what_the_program_says(name: str) -> None:
    """If this fails, run `python tests/pages/readme_tables.py`."""
    text = README.read_text("utf-8")
    begin, end = place_of(name, text)
    assert text[begin:end].strip() == TABLES[name]().strip()
