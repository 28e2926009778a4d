"""Changes single keys of a TOML text, and leaves all else as its owner wrote it, comments and blank lines.

The one module that knows tomlkit. What comes out is read back: it says what it must, and nothing else.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from typing import Any

from daemon.config.schema import toml_value
from hw.files import OddFile, toml_of


def edited(text: str, changes: Mapping[str, Any]) -> str:
    """The text with these values, by full name; None takes a key out. Raises OddFile where that fails."""
    wanted = _changed(toml_of(text), changes)
    from tomlkit.exceptions import TOMLKitError  # loaded when something is changed, not with the gateway

    try:
        result = _edited(text, changes)
    except (TOMLKitError, RecursionError, ValueError, TypeError, AttributeError) as error:
        raise OddFile(f"cannot be changed: {type(error).__name__}") from error
    if _without_empty(toml_of(result)) != _without_empty(wanted):
        raise OddFile("is written in a way that the page cannot change; change it by hand")
    return result


def _changed(data: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    data = copy.deepcopy(data)
    for table, key, value in map(_split, changes.items()):
        content = data.setdefault(table, {})
        if not isinstance(content, dict):
            raise OddFile(f"cannot be changed: {table} is no table in it")
        content.pop(key, None)
        if value is not None:
            content[key] = value
    return data


def _without_empty(data: dict[str, Any]) -> dict[str, Any]:
    return {table: content for table, content in data.items() if content != {}}


def _split(change: tuple[str, Any]) -> tuple[str, str, Any]:
    table, _, key = change[0].partition(".")
    return table, key, change[1]


def _edited(text: str, changes: Mapping[str, Any]) -> str:
    import tomlkit

    document = tomlkit.parse(text)
    new = []
    for table, key, value in map(_split, changes.items()):
        content = document.get(table, {})
        if value is None:
            content.pop(key, None)
        elif key in content:
            content[key] = value
        else:
            new.append((table, key, value))
    text = tomlkit.dumps(document)
    for table, key, value in new:
        text = _with_new(text, table, key, value)
    return text


def _with_new(text: str, table: str, key: str, value: Any) -> str:
    """With a new key right below its table's name: at a table's end comments on the next one may stand."""
    import tomlkit

    header = re.search(rf"^[ \t]*\[[ \t]*{re.escape(table)}[ \t]*\][ \t]*(#.*)?$", text, re.MULTILINE)
    line = f"{key} = {toml_value(value)}\n"
    if header is not None:
        end = min(header.end() + 1, len(text))
        return text[:end].rstrip("\n") + "\n" + line + text[end:]
    document = tomlkit.parse(text)
    if table in document:
        document[table][key] = value  # it has no header of its own: dotted, or inline
        return tomlkit.dumps(document)
    gap = "\n" if text and not text.endswith("\n\n") else ""
    newline = "\n" if text and not text.endswith("\n") else ""
    return f"{text}{newline}{gap}[{table}]\n{line}"
