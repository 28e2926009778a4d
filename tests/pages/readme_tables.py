"""The README's tables, which are the program's own. `python tests/pages/readme_tables.py` writes them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[2]

if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))  # as pytest's `pythonpath` does

from daemon.cli.config_text import config_table  # noqa: E402 - found by the line above
from daemon.lights.ladder import light_table  # noqa: E402
from daemon.speaking.messages import earcon_table  # noqa: E402

README = ROOT / "README.md"

TABLES: dict[str, Callable[[], str]] = {
    "lights": light_table,
    "earcons": earcon_table,
    "configuration": config_table,
}
"""By the name in the two comments between which a table stands: `<!-- lights: … -->`, `<!-- /lights -->`."""


def place_of(name: str, text: str) -> tuple[int, int]:
    """Where the table of this name begins and ends. Raises ValueError if its comments are missing."""
    begin = text.index("-->\n", text.index(f"<!-- {name}:")) + len("-->\n")
    return begin, text.index(f"<!-- /{name} -->")


def with_tables(text: str) -> str:
    """`text` with every table as the program has it now."""
    for name, table in TABLES.items():
        begin, end = place_of(name, text)
        text = f"{text[:begin]}\n{table().strip()}\n\n{text[end:]}"
    return text


if __name__ == "__main__":
    README.write_text(with_tables(README.read_text("utf-8")), "utf-8")
