"""The tables of the pages, made from the program. `python tests/pages/readme_tables.py` writes them anew."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]

if __name__ == "__main__":
    sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support")]  # as pytest's `pythonpath` does

from test_floors import FLOORS  # noqa: E402 - found by the line above

from daemon.cli.text.configuration import allowed  # noqa: E402
from daemon.config.schema import KEYS, Key, toml_value  # noqa: E402
from daemon.lights.ladder import light_table  # noqa: E402
from daemon.speaking.messages import earcon_table  # noqa: E402


def config_table() -> str:
    """Every configuration key: its default, what it may be, and what it means."""
    head = ["| Key | Default | Allowed | Meaning |", "| --- | --- | --- | --- |"]
    return "\n".join(head + [_row(key) for key in KEYS])


def _row(key: Key) -> str:
    cells = (f"`{key.full_name}`", f"`{toml_value(key.default)}`", _values(key), key.doc)
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _values(key: Key) -> str:
    if key.choices is not None:
        return ", ".join(f"`{choice}`" for choice in key.choices)
    return "`true`, `false`" if isinstance(key.default, bool) else allowed(key)


def room_table() -> str:
    """Every room, from the top floor down, with what its docstring says of it."""
    head = ["| Floor | Room | What is in it |", "| --- | --- | --- |"]
    return "\n".join([*head, *_rooms("daemon"), *_rooms("hw")])


def _rooms(package: str) -> Iterator[str]:
    floors = FLOORS[package]
    for level, rooms in reversed(list(enumerate(floors, start=1))):
        for number, room in enumerate(rooms.split()):
            path = ROOT / package / room
            file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
            name = f"`{file.parent.relative_to(ROOT) if path.is_dir() else file.relative_to(ROOT)}`"
            yield f"| {f'{package} {level}' if number == 0 else ''} | {name} | {_first_sentence(file)} |"


def _first_sentence(file: Path) -> str:
    docstring = ast.get_docstring(ast.parse(file.read_text("utf-8"))) or ""
    return " ".join(docstring.split("\n\n")[0].split())


@dataclass(frozen=True, slots=True)
class Table:
    """A table and the page that it stands on, from the top folder."""

    page: str
    make: Callable[[], str]

    @property
    def path(self) -> Path:
        """The page's file."""
        return ROOT / self.page


TABLES = {
    "lights": Table("README.md", light_table),
    "earcons": Table("README.md", earcon_table),
    "configuration": Table("docs/use/configuration.md", config_table),
    "rooms": Table("docs/inside/architecture.md", room_table),
}
"""By the name in the two comments between which a table stands: `<!-- lights: … -->`, `<!-- /lights -->`."""


def place_of(name: str, text: str) -> tuple[int, int]:
    """Where the table of this name begins and ends. Raises ValueError if its comments are missing."""
    begin = text.index("-->\n", text.index(f"<!-- {name}:")) + len("-->\n")
    return begin, text.index(f"<!-- /{name} -->")


def with_table(name: str, text: str) -> str:
    """`text` with the table of this name as the program has it."""
    begin, end = place_of(name, text)
    return f"{text[:begin]}\n{TABLES[name].make().strip()}\n\n{text[end:]}"


if __name__ == "__main__":
    for wanted, table in TABLES.items():
        table.path.write_text(with_table(wanted, table.path.read_text("utf-8")), "utf-8")
