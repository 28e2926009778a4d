"""Conure's lines in config.txt: what the firmware reads with and without them, however odd the file is."""

from __future__ import annotations

import errno
import os
import pkgutil
import random
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import config_txt
import pytest
from config_txt import RefusedError, has_entries, with_block, without_block

from hw.boards.board_files import CONFIG_LINE, load_all

WANTED = (b"dtparam=i2s=on", b"dtoverlay=some-card", b"gpio=25=op,dh")
OTHERS = (b"dtparam=spi=on", b"dtoverlay=other-card")
SEED = 20_261_130
CASES = 3_000


# --- what the firmware reads: written for the tests, from the Raspberry Pi documentation

KINDS = (b"[gpio", b"[EDID", b"[0x", b"[none")
"""Of filters, besides those of models."""


def firmware_reads(text: bytes) -> list[tuple[tuple[bytes, ...], bytes]]:
    """Each entry that counts, with the filters that narrow it, in order.

    A filter takes the place of another of its kind (models, `gpio…`, `EDID…`, …); `[all]` ends them all.
    """
    filters: dict[bytes, bytes] = {}
    read = []
    for line in text.split(b"\n"):
        entry = line.strip()[:98]
        if entry == b"[all]":
            filters.clear()
        elif entry.startswith(b"["):
            filters[next((kind for kind in KINDS if entry.startswith(kind)), b"[pi")] = entry
        elif entry and not entry.startswith(b"#"):
            read.append((tuple(sorted(filters.values())), entry))
    return read


def for_all(entries: Sequence[bytes]) -> list[tuple[tuple[bytes, ...], bytes]]:
    """Entries that every model reads."""
    return [((), entry) for entry in entries]


# --- single cases


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"", b""),
        (b"a=1\n", b"a=1\n"),
        (b"a=1", b"a=1\n"),
        (b"a=1\r\nb=2\r\n", b"a=1\r\nb=2\r\n"),
        (b"a=1\r\nb=2", b"a=1\r\nb=2\r\n"),
        (b"[cm5]\na=1\n\n", b"[cm5]\na=1\n\n"),
        (b"\xef\xbb\xbfa=1\n", b"\xef\xbb\xbfa=1\n"),
    ],
)
def test_the_block_is_behind_the_owners_lines_which_stay_as_they_are(before: bytes, after: bytes) -> None:
    end = b"\r\n" if b"\r\n" in before else b"\n"
    written = with_block(before, WANTED)
    assert written.startswith(after)
    lines = written.removeprefix(after).split(end)
    assert lines[:-2] == [config_txt.BEGIN, b"[all]", *WANTED]
    assert lines[-2].startswith(b"# conure: end ")
    assert lines[-1] == b""
    assert without_block(written) == before


def test_the_owners_last_line_is_joined_to_nothing_even_if_lines_came_behind_the_block() -> None:
    later = with_block(b"a=1", WANTED) + b"b=2\n"
    assert without_block(later) == b"a=1\nb=2\n"


def test_what_stands_behind_the_block_applies_to_the_models_that_it_did() -> None:
    """The block's `[all]` ended the section for one model."""
    later = with_block(b"[cm5]\na=1\n", WANTED) + b"b=2\n"
    assert without_block(later) == b"[cm5]\na=1\n[all]\nb=2\n"
    assert without_block(with_block(b"[cm5]\n", WANTED) + b"[all]\nb=2\n") == b"[cm5]\n[all]\nb=2\n"
    assert without_block(with_block(b"[cm5]\n[all]\n", WANTED) + b"b=2\n") == b"[cm5]\n[all]\nb=2\n"


def test_behind_an_included_file_the_filters_are_not_known() -> None:
    later = with_block(b"include more.txt\n", WANTED) + b"b=2\n"
    assert without_block(later) == b"include more.txt\n[all]\nb=2\n"


def test_another_boards_lines_take_the_place_of_the_first_ones() -> None:
    assert with_block(with_block(b"a=1\n", OTHERS), WANTED) == with_block(b"a=1\n", WANTED)


@pytest.mark.parametrize(
    ("text", "there"),
    [
        (b"dtparam=i2s=on\ndtoverlay=some-card\ngpio=25=op,dh\n", True),
        (b"dtparam=i2s=on\r\ndtoverlay=some-card\r\n  gpio=25=op,dh", True),
        (b"[pi4]\nx=1\n[all]\ndtparam=i2s=on\ndtoverlay=some-card\ngpio=25=op,dh\n", True),
        (b"dtparam=i2s=on\ndtoverlay=some-card\n[pi4]\ngpio=25=op,dh\n", False),
        (b"[none]\ndtparam=i2s=on\ndtoverlay=some-card\ngpio=25=op,dh\n", False),
        (b"include a.txt\ndtparam=i2s=on\ndtoverlay=some-card\ngpio=25=op,dh\n", False),
        (b"#dtparam=i2s=on\ndtoverlay=some-card\ngpio=25=op,dh\n", False),
        (b"dtparam=i2s=on\ndtoverlay=some-cardgpio=25=op,dh\n", False),
        (b"", False),
    ],
)
def test_a_line_is_there_if_every_model_reads_it(text: bytes, there: bool) -> None:
    assert has_entries(text, WANTED) is there


def test_a_line_longer_than_the_firmware_reads_is_not_there() -> None:
    long = b"dtoverlay=" + b"x" * 89
    assert not has_entries(long + b"\n", [long])
    assert has_entries(long[:98] + b"\n", [long[:98]])


@pytest.mark.parametrize(
    "entry", [b"dtoverlay=" + b"x" * 89, b"dtparam=a\nb=1", b"kernel=x", b"dtparam=\xc3\xa9", b""]
)
def test_a_line_that_the_firmware_would_not_read_as_meant_is_not_written(entry: bytes) -> None:
    with pytest.raises(RefusedError, match="is no line for it"):
        with_block(b"a=1\n", [entry])


def test_each_board_that_ships_wants_only_what_can_be_written() -> None:
    for board in load_all():
        if board.setup.config_txt:
            wanted = [line.encode() for line in board.setup.config_txt]
            assert has_entries(with_block(b"[pi4]\n", wanted), wanted), board.name


@pytest.mark.parametrize(
    "line", ["dtoverlay=" + "x" * 88, "dtoverlay=" + "x" * 89, "gpio=5=op,dh", "gpio=é", "a=1"]
)
def test_a_boards_file_may_hold_just_what_can_be_written(line: str) -> None:
    try:
        with_block(b"", [line.encode()])
    except RefusedError:
        assert not CONFIG_LINE.fullmatch(line)
    else:
        assert CONFIG_LINE.fullmatch(line)


WHOLE = with_block(b"a=1\n", WANTED)
BEGIN_LINE, END_LINE = WHOLE.splitlines(keepends=True)[1], WHOLE.splitlines(keepends=True)[-1]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (WHOLE.replace(END_LINE, b"") + b"b=2\n", "one of Conure's two markers"),
        (WHOLE.replace(BEGIN_LINE, b"") + b"b=2\n", "one of Conure's two markers"),
        (WHOLE.removesuffix(b"\n") + b"b=2\n", "one of Conure's two markers"),
        (WHOLE + BEGIN_LINE, "line 8 is one"),
        (WHOLE + END_LINE, "line 8 is one"),
        (BEGIN_LINE + WHOLE, "line 3 is one"),
        (WHOLE.replace(b"dtparam=i2s=on", b"dtparam=i2s=off"), "somebody changed"),
        (WHOLE.replace(b"[all]\n", b"[all]\ndtparam=mine=on\n"), "lines 2 and 8"),
        (b"# conure: begin (scripts/install --overlay)\nmine=1\n# conure: end\n", "somebody changed"),
        (WHOLE.decode().encode("utf-16"), "NUL"),
    ],
)
def test_a_block_that_is_not_whole_and_as_written_is_left_alone(text: bytes, words: str) -> None:
    """What is between the markers may be somebody else's."""
    with pytest.raises(RefusedError, match=words):
        with_block(text, WANTED)
    with pytest.raises(RefusedError, match=words):
        without_block(text)


def test_a_block_of_an_earlier_version_is_taken_out() -> None:
    block = b"# conure: begin (scripts/install --overlay)\n[all]\ndtparam=i2s=on\n# conure: end\n"
    assert without_block(b"a=1\n" + block) == b"a=1\n"
    assert without_block(block.replace(b"\n", b"\r\n") * 2) == b""


def test_a_block_whose_line_ends_an_editor_changed_is_still_conures() -> None:
    assert without_block(WHOLE.replace(b"\n", b"\r\n")) == b"a=1\r\n"
    assert without_block(WHOLE.replace(b"\n", b" \n")) == b"a=1 \n"


def test_no_file_becomes_larger_than_every_firmware_reads() -> None:
    with pytest.raises(RefusedError, match="16384"):
        with_block(b"# x\n" * 4090, WANTED)


# --- any file


PIECES = (
    b"dtparam=audio=on", b"dtoverlay=vc4-kms-v3d", b"dtparam=i2s=on", b"  dtoverlay=some-card  ",
    b"gpio=25=op,dh", b"a = 1", b"cmdline=\xc3\xa4", b"\x1b[31m", b"dtoverlay=" + b"z" * 120, b"x" * 97,
    b"[all]", b"[pi4]", b" [cm5] ", b"[none]", b"[gpio4=1]", b"[EDID=VSC-TD2220]", b"[0x12345678]",
    b"[", b"[all", b"[ALL]", b"include syscfg.txt", b"include",
    b"", b" ", b"\t", b"\r", b"a=\rb=1", b"\xef\xbb\xbf", b"\xff\xfe",
    b"# a comment", b"#", b"# " + b"y" * 200 + b"[pi4]",
    b"# conure: beginning of my own lines", b"# conure", b"# Conure: end",
)  # fmt: skip
OWN_PIECES = (
    config_txt.BEGIN, b"# conure: end", b"# conure: end 00000000", END_LINE.strip(), b" " + config_txt.BEGIN,
    WHOLE.removeprefix(b"a=1\n").strip(), b"# conure: end 1234", b"\0",
)  # fmt: skip


def odd_file(rng: random.Random, pieces: Sequence[bytes]) -> bytes:
    """Up to a dozen lines of these, each with an end of its own, but perhaps the last."""
    ends = rng.choice([(b"\n",), (b"\r\n",), (b"\n", b"\r\n"), (b"\n", b"\r\r\n", b"\n\n")])
    text = b"".join(rng.choice(pieces) + rng.choice(ends) for _ in range(rng.randrange(12)))
    return text + rng.choice([b"", b"", rng.choice(pieces)])


def test_any_file_is_the_same_after_the_overlay_came_and_went() -> None:
    rng = random.Random(SEED)
    for _ in range(CASES):
        before = odd_file(rng, PIECES)
        written = with_block(before, WANTED)
        assert firmware_reads(written) == firmware_reads(before) + for_all(WANTED), before
        assert has_entries(written, WANTED), before
        assert with_block(written, WANTED) == written, before
        assert without_block(written) == before
        assert without_block(with_block(written, OTHERS)) == before


def test_whatever_is_written_behind_the_block_means_the_same_without_it() -> None:
    """Lines that came later, by an editor or another program, between two installations."""
    rng = random.Random(SEED)
    for _ in range(CASES):
        later = odd_file(rng, PIECES)
        text = with_block(odd_file(rng, PIECES), WANTED) + later
        ours = set(for_all(WANTED))
        rest = without_block(text)
        kept = [read for read in firmware_reads(rest) if read not in ours]
        assert kept == [read for read in firmware_reads(text) if read not in ours], text
        assert without_block(with_block(text, WANTED)) == rest


def test_of_any_file_with_odd_markers_no_line_of_its_owner_is_lost() -> None:
    """Either it is refused, or all lines are there that are not in a whole block."""
    rng = random.Random(SEED)
    refused = 0
    for _ in range(CASES):
        text = odd_file(rng, PIECES + OWN_PIECES)
        try:
            rest = without_block(text)
        except RefusedError:
            refused += 1
            with pytest.raises(RefusedError):
                with_block(text, WANTED)
            continue
        assert owners_lines(text) == [line for line in owners_lines(rest) if line]
    assert CASES // 10 < refused < CASES - CASES // 10


def owners_lines(text: bytes) -> list[bytes]:
    """What is not between two markers, without blank lines and `[all]`, which the removal may leave."""
    kept, inside = [], False
    for line in text.split(b"\n"):
        entry = line.strip()
        if entry == config_txt.BEGIN:
            inside = True
        elif inside:
            inside = not config_txt.END.fullmatch(entry)
        elif entry not in (b"", b"[all]"):
            kept.append(line.removesuffix(b"\r"))
    return kept


# --- the file


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "config.txt"
    path.write_bytes(b"[cm5]\r\na=1")
    return path


def test_the_file_as_it_was_is_kept_beside_it_until_the_overlay_goes(file: Path) -> None:
    before = file.read_bytes()
    config_txt.add(file, OTHERS)
    config_txt.add(file, WANTED)
    assert has_entries(file.read_bytes(), WANTED)
    assert sorted(path.name for path in file.parent.iterdir()) == ["config.txt", "config.txt.before-conure"]
    assert file.with_name("config.txt.before-conure").read_bytes() == before
    assert config_txt.remove(file)
    assert list(file.parent.iterdir()) == [file]
    assert file.read_bytes() == before
    assert not config_txt.remove(file)


def test_modes_stay_as_they_are(file: Path) -> None:
    file.chmod(0o640)
    config_txt.add(file, WANTED)
    assert file.stat().st_mode & 0o777 == 0o640


def test_a_file_that_is_refused_is_not_touched_and_its_copy_stays(file: Path) -> None:
    config_txt.add(file, WANTED)
    damaged = file.read_bytes().replace(b"# conure: end", b"# end")
    file.write_bytes(damaged)
    with pytest.raises(RefusedError):
        config_txt.add(file, OTHERS)
    with pytest.raises(RefusedError):
        config_txt.remove(file)
    assert file.read_bytes() == damaged
    assert file.with_name("config.txt.before-conure").read_bytes() == b"[cm5]\r\na=1"


def test_the_note_that_the_file_has_moved_is_no_place_for_an_overlay(file: Path) -> None:
    """Raspberry Pi OS 12 leaves it in /boot, where it is found while the boot partition is not mounted."""
    file.write_text(
        "DO NOT EDIT THIS FILE\n\nThe file you are looking for has moved to /boot/firmware/config.txt\n"
    )
    with pytest.raises(RefusedError, match="mounted"):
        config_txt.add(file, WANTED)
    assert list(file.parent.iterdir()) == [file]


@pytest.mark.parametrize(
    ("step", "fails_at"),
    [
        ("os.fsync", 1), ("os.fsync", 3),  # the second is the folder's
        ("pathlib.Path.replace", 1), ("pathlib.Path.replace", 2),
        ("shutil.copymode", 1), ("shutil.copymode", 2),
        ("tempfile.mkstemp", 1), ("tempfile.mkstemp", 2),
    ],
)  # fmt: skip
def test_a_step_that_fails_leaves_the_old_file(
    file: Path, monkeypatch: pytest.MonkeyPatch, step: str, fails_at: int
) -> None:
    """A full card, one that was pulled: while the copy is written, and while the file itself is."""
    before = file.read_bytes()
    calls = 0
    real = pkgutil.resolve_name(step)

    def fail(*args: object, **options: object) -> object:
        nonlocal calls
        calls += 1
        if calls == fails_at:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(*args, **options)

    monkeypatch.setattr(step, fail)
    with pytest.raises(OSError, match="No space left"):
        config_txt.add(file, WANTED)
    monkeypatch.undo()
    assert file.read_bytes() == before
    left = {path.name for path in file.parent.iterdir()}
    assert left <= {"config.txt", "config.txt.before-conure"}
    config_txt.add(file, WANTED)
    assert file.with_name("config.txt.before-conure").read_bytes() == before


# --- the program


def run(words: Sequence[str], lines: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """As the installer runs it."""
    command = [sys.executable, "-I", config_txt.__file__, *words]
    return subprocess.run(command, input=lines, capture_output=True, check=False, timeout=60)


def test_the_program_says_by_its_status_what_it_did(file: Path) -> None:
    lines = b"\n".join(WANTED)
    assert run(["has", str(file)], lines).returncode == config_txt.NOTHING
    assert run(["remove", str(file)]).returncode == config_txt.NOTHING
    assert run(["add", str(file)], lines).returncode == 0
    assert run(["has", str(file)], lines).returncode == 0
    assert run(["remove", str(file)]).returncode == 0


def test_a_link_to_the_file_stays_a_link(file: Path) -> None:
    link = file.with_name("link.txt")
    link.symlink_to(file.name)
    assert run(["add", str(link)], b"\n".join(WANTED)).returncode == 0
    assert link.is_symlink()
    assert has_entries(file.read_bytes(), WANTED)


@pytest.mark.parametrize(
    "words", [["add", "/nonexistent/config.txt"], ["remove", "/nonexistent"], ["add"], []]
)
def test_what_cannot_be_done_is_told_with_the_files_name(words: list[str]) -> None:
    done = run(words, b"dtparam=i2s=on")
    assert done.returncode == 2
    assert done.stderr.startswith(b"conure: ")
    assert b"Traceback" not in done.stderr
    assert all(word.encode() in done.stderr for word in words[1:])
