"""Conure's lines in the Raspberry Pi's config.txt: are they there, put them in, take them out.

    python3 -I config_txt.py has|add FILE <LINES
    python3 -I config_txt.py remove FILE

Needs the standard library alone, for it runs as root before Conure is installed and while it is removed.

The file is its owner's. What Conure writes is one block at its end, between two markers, the second of which
holds a checksum of the lines between them. Nothing else is changed, and a block that is not whole, or not as
it was written, is left alone.

The file is read as the firmware reads it (Raspberry Pi documentation, config.txt, "File format" and
"Conditional filters"): an entry a line, 98 characters of it; `[filter]` narrows what follows to some models
or states until `[all]`. Blanks around an entry and the carriage return of a Windows editor do not count.
`include` inserts a file, which no boot loader in an EEPROM does, so not the Pi 5's: what an included file
says does not count here, and after one nobody can tell which filters are in force.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import sys
import tempfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ENTRY_LIMIT_BYTES = 98
"""What the firmware reads of an entry (Raspberry Pi documentation, config.txt, "File format")."""

FILE_LIMIT_BYTES = 16 * 1024
"""No file is made larger than this. The firmware's limit is not documented and differs from model to model;
a Pi 5 with a large file did not boot (github.com/raspberrypi/firmware/issues/1848; 16 KiB: by users)."""

OWN_ENTRY = re.compile(rb"(dtoverlay|dtparam|gpio)=[!-~]*")
"""What a board may want: `CONFIG_LINE` of hw/boards/board_files.py."""

ALL = b"[all]"
BEGIN = b"# conure: begin (scripts/install --overlay)"
END = re.compile(rb"# conure: end(?: (?P<sum>[0-9a-f]{8})(?P<unended>, after a line without end)?)?")
"""With the checksum of the block's entries, and whether the line before it had an end of its own. A block of
an earlier version has neither."""

MOVED = b"The file you are looking for has moved"
"""What Raspberry Pi OS 12 puts in the old place, /boot/config.txt."""

BACKUP_SUFFIX = ".before-conure"

NOTHING = 3
"""The exit status where there was nothing to take out, or where not all lines are there. Refused is 2, and 1
is what Python itself ends with at a fault."""


class RefusedError(Exception):
    """The file must not be changed, for the reason that the message tells. It is as it was."""


# --- what is in a file -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Block:
    """Where Conure's lines are: `lines[start:stop]`, both markers among them."""

    start: int
    stop: int
    after_unended: bool
    """The line before had no end until the block was written."""


def lines_of(text: bytes) -> list[bytes]:
    """The lines with their ends; only the last may have none."""
    return re.findall(rb"[^\n]*\n|[^\n]+", text)


def has_entries(text: bytes, wanted: Iterable[bytes]) -> bool:
    """Whether each wanted entry stands there for every model, whoever wrote it."""
    return set(wanted) <= set(_unfiltered(lines_of(text)))


def with_block(text: bytes, wanted: Sequence[bytes]) -> bytes:
    """The file with these entries in a block at its end, and no other block. Raises RefusedError."""
    _check(wanted)
    rest = without_block(text)
    end = _line_end(rest)
    unended = not rest.endswith(b"\n") and rest != b""
    entries = (ALL, *wanted)  # the file may end within a section for one model
    mark = b"# conure: end %s" % _checksum(entries) + (b", after a line without end" if unended else b"")
    block = b"".join(line + end for line in (BEGIN, *entries, mark))
    result = rest + (end if unended else b"") + block
    if len(result) > FILE_LIMIT_BYTES:
        raise RefusedError(f"it would be {len(result)} bytes long, and some models read no more than"
                           f" {FILE_LIMIT_BYTES}; take out comments that are not needed")  # fmt: skip
    return result


def without_block(text: bytes) -> bytes:
    """The file without Conure's lines; what follows them applies to the same models. Raises RefusedError."""
    if b"\0" in text:
        raise RefusedError("it is no text that the firmware can read (it holds NUL bytes; UTF-16?)")
    lines = lines_of(text)
    for block in reversed(blocks_of(lines)):
        before, after = lines[: block.start], lines[block.stop :]
        if block.after_unended and not after:
            before[-1:] = [line.removesuffix(_line_end(lines[block.start])) for line in before[-1:]]
        elif _needs_all(before, after):
            before.append(ALL + _line_end(text))
        lines = before + after
    return b"".join(lines)


def blocks_of(lines: Sequence[bytes]) -> list[Block]:
    """Conure's blocks. Raises RefusedError for one that lacks a marker or was changed by somebody."""
    found: list[Block] = []
    start: int | None = None
    for number, line in enumerate(lines):
        entry = line.strip()
        mark = END.fullmatch(entry)
        if (entry == BEGIN and start is not None) or (mark and start is None):
            raise RefusedError(_one_marker(number + 1))
        if entry == BEGIN:
            start = number
        elif mark and start is not None:
            _check_unchanged(lines, start, number, mark["sum"])
            found.append(Block(start, number + 1, mark["unended"] is not None))
            start = None
    if start is not None:
        raise RefusedError(_one_marker(start + 1))
    return found


def _one_marker(line: int) -> str:
    return (f"line {line} is one of Conure's two markers, and the other is not there; take out by hand what"
            " belongs to Conure, and the marker")  # fmt: skip


def _check_unchanged(lines: Sequence[bytes], start: int, end: int, checksum: bytes | None) -> None:
    entries = [line.strip() for line in lines[start + 1 : end]]
    if checksum is None:
        as_written = all(entry == ALL or OWN_ENTRY.fullmatch(entry) for entry in entries)
    else:
        as_written = _checksum(entries) == checksum
    if not as_written:
        where = f"lines {start + 1} and {end + 1}"
        raise RefusedError(f"somebody changed what stands between Conure's markers, {where};"
                           " take out by hand what belongs to Conure, and both markers")  # fmt: skip


def _checksum(entries: Iterable[bytes]) -> bytes:
    return b"%08x" % zlib.crc32(b"\n".join(entries))


def _check(wanted: Sequence[bytes]) -> None:
    for entry in wanted:
        if not OWN_ENTRY.fullmatch(entry) or len(entry) > ENTRY_LIMIT_BYTES:
            told = entry.decode(errors="backslashreplace")
            raise RefusedError(f"{told!r} is no line for it: an overlay, parameter or GPIO line of at most"
                               f" {ENTRY_LIMIT_BYTES} characters")  # fmt: skip


def _line_end(text: bytes) -> bytes:
    """What ends the file's lines: as its last line that has an end."""
    return b"\r\n" if re.search(rb"\r\n[^\n]*\Z", text) else b"\n"


def _unfiltered(lines: Iterable[bytes]) -> Iterator[bytes]:
    """The entries that apply to every model."""
    for_all = True
    for entry in map(bytes.strip, lines):
        for_all = _for_all_after(entry, for_all)
        if for_all and len(entry) <= ENTRY_LIMIT_BYTES:
            yield entry


def _for_all_after(entry: bytes, before: bool) -> bool:
    """Whether what follows this entry applies to every model."""
    if entry.startswith((b"[", b"include ")):
        return entry == ALL
    return before


def _needs_all(before: Sequence[bytes], after: Sequence[bytes]) -> bool:
    """Whether lines behind the block would come under a filter before it, were its `[all]` gone."""
    for_all = True
    for line in before:
        for_all = _for_all_after(line.strip(), for_all)
    first = next((entry for entry in map(bytes.strip, after) if entry and not entry.startswith(b"#")), ALL)
    return not for_all and first != ALL


# --- the file itself -------------------------------------------------------------------------------


def add(file: Path, wanted: Sequence[bytes]) -> None:
    """Put the entries into the file, and keep a copy of it as it was. Raises RefusedError, OSError."""
    text = file.read_bytes()
    if MOVED in text:
        raise RefusedError("it only says that the file has moved; is the boot partition mounted?")
    result = with_block(text, wanted)
    backup = _backup(file)
    if not backup.exists():
        replace(backup, text, like=file)
    replace(file, result, like=file)


def remove(file: Path) -> bool:
    """Take the block out, and what `add` kept; whether there was one. Raises RefusedError, OSError."""
    text = file.read_bytes()
    result = without_block(text)
    if result != text:
        replace(file, result, like=file)
        _backup(file).unlink(missing_ok=True)
    return result != text


def replace(file: Path, content: bytes, *, like: Path) -> None:
    """The file has this content, in one move: whoever pulls the plug finds the old one or the new one, whole.

    `like`: whose modes and owner it gets, as far as the file system has any (the boot partition is FAT).
    Raises OSError; then the old file is as it was.
    """
    handle, name = tempfile.mkstemp(prefix="conure-", suffix=".new", dir=file.parent)
    new = Path(name)
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(content)
            _give_owner(out.fileno(), like)
            out.flush()
            os.fsync(out.fileno())
        shutil.copymode(like, new)
        new.replace(file)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
    _sync_folder(file.parent)


def _give_owner(handle: int, like: Path) -> None:
    owner = like.stat()
    made = os.fstat(handle)
    if (owner.st_uid, owner.st_gid) != (made.st_uid, made.st_gid):
        os.fchown(handle, owner.st_uid, owner.st_gid)


def _sync_folder(folder: Path) -> None:
    """The new name is on the card too; where that cannot be asked for, the kernel writes it later."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):
            os.fsync(handle)
    finally:
        os.close(handle)


def _backup(file: Path) -> Path:
    return file.with_name(file.name + BACKUP_SUFFIX)


def main(words: Sequence[str]) -> int:
    """Obey one command line: 0 for done, or has them; else NOTHING. Raises RefusedError, OSError."""
    match words:
        case ["has", name]:
            return 0 if has_entries(Path(name).read_bytes(), _wanted()) else NOTHING
        case ["add", name]:
            add(Path(name).resolve(), _wanted())  # a link stays one
            return 0
        case ["remove", name]:
            return 0 if remove(Path(name).resolve()) else NOTHING
    raise RefusedError("usage: python3 -I config_txt.py has|add|remove FILE")


def _wanted() -> list[bytes]:
    return [line for line in map(bytes.strip, sys.stdin.buffer) if line]


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except (RefusedError, OSError) as error:
        print(f"conure: {sys.argv[-1]} was not changed: {error}", file=sys.stderr)
        sys.exit(2)
