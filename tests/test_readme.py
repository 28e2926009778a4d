"""The README's tables are the program's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.config_text import config_table
from daemon.lights import light_table
from daemon.messages import earcon_table

README = Path(__file__).parents[1] / "README.md"

TABLES = {"lights": light_table, "earcons": earcon_table, "configuration": config_table}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_what_the_program_says(name: str) -> None:
    """If this fails: put the right table between the two comments of that name."""
    text = README.read_text("utf-8")
    begin = text.index("-->\n", text.index(f"<!-- {name}:")) + len("-->\n")
    table = text[begin : text.index(f"<!-- /{name} -->")]
    assert table.strip() == TABLES[name]().strip()
