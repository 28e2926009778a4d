"""What the configuration says of one key beside its value. Pure."""

from __future__ import annotations

from dataclasses import field
from typing import Any


def key(
    default: Any,
    doc: str,
    *,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] | None = None,
    path: bool = False,
    split: str = "",
    web: bool = True,
) -> Any:
    """A configuration key: default, one line of documentation, and what values are allowed.

    `low` and `high` are inclusive; `choices` lists the allowed words; `path` marks a file name, in which a
    leading `~/` stands for the home directory; `split` marks a list of texts, and is what separates them
    where the list is written as one text. `web` False: the page shows it and cannot set it, for it would
    run programs, read or write files, send the API key elsewhere, or open the page itself to others.
    Returns a dataclass field (typed Any, as `dataclasses.field` itself is, so that the annotation beside it
    holds).
    """
    metadata = {
        "doc": doc, "low": low, "high": high, "choices": choices, "path": path, "split": split, "web": web,
    }  # fmt: skip
    return field(default=default, metadata=metadata)
