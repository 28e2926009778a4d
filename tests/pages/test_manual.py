"""Manual pages and completions in `docs/share/` are what the program says, and shells and `man` take them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from manual import ENVIRONMENT, PAGES, SHARE, roff
from places import ROOT

from daemon.cli.main import make_parser
from daemon.config.schema import KEYS


@pytest.mark.parametrize("name", PAGES)
def test_a_file_is_what_the_program_says(name: str) -> None:
    """If this fails, run `scripts/make-manual`."""
    assert (SHARE / name).read_text("utf-8") == PAGES[name]()


def test_nothing_else_is_in_the_folder() -> None:
    assert {str(path.relative_to(SHARE)) for path in SHARE.rglob("*") if path.is_file()} == PAGES.keys()


def test_every_command_option_and_key_is_told() -> None:
    page = (SHARE / "man/man1/conure.1").read_text("utf-8")
    for command, action in make_parser().all_actions():
        assert roff(command) in page, command
        assert all(roff(option) in page for option in action.option_strings if option not in ("-h", "--help"))
    keys = (SHARE / "man/man5/conure.toml.5").read_text("utf-8")
    assert [key.full_name for key in KEYS if rf"\fB{roff(key.name)}\fR" not in keys] == []


def test_every_variable_that_is_told_is_known_to_the_program() -> None:
    code = "\n".join(path.read_text("utf-8") for path in (ROOT / "daemon").rglob("*.py"))
    assert [name for name in ENVIRONMENT if f'"{name}"' not in code] == []


@pytest.mark.parametrize("page", ["man/man1/conure.1", "man/man5/conure.toml.5"])
def test_the_formatter_finds_no_fault_with_a_page(page: str) -> None:
    if shutil.which("groff") is None:
        pytest.skip("not installed: groff")
    command = ["groff", "-man", "-Tutf8", "-K", "utf8", "-ww", "-z", str(SHARE / page)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


SHELLS = {
    "bash": (["bash", "-n"], "bash-completion/completions/conure"),
    "zsh": (["zsh", "-n"], "zsh/site-functions/_conure"),
    "fish": (["fish", "--no-execute"], "fish/vendor_completions.d/conure.fish"),
}


def needs(shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"not installed: {shell}")


@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_can_read_its_completions(shell: str) -> None:
    needs(shell)
    command, file = SHELLS[shell]
    done = subprocess.run([*command, str(SHARE / file)], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


LINES = {
    "conure stat": {"status"},
    "conure timers ca": {"cancel"},
    "conure status --j": {"--json"},
    "conure tone liste": {"listening"},
    "conure run --board wired": {"wired-rgb"},
}


@pytest.mark.parametrize("line", LINES)
def test_bash_completes_a_line(line: str, tmp_path: Path) -> None:
    program = f"""
        source {SHARE / SHELLS["bash"][1]}
        COMP_LINE={line!r} COMP_POINT={len(line)} COMP_WORDS=({line}) COMP_CWORD={len(line.split()) - 1}
        $(complete -p conure | sed 's/.*-F \\([^ ]*\\) .*/\\1/') conure {line.split()[-1]} {line.split()[-2]}
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(["bash", "-c", program], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert {word.strip() for word in done.stdout.splitlines()} == LINES[line]


@pytest.mark.parametrize("line", LINES)
def test_fish_completes_a_line(line: str, tmp_path: Path) -> None:
    needs("fish")
    program = f"source {SHARE / SHELLS['fish'][1]}; complete -C {line!r}"
    done = subprocess.run(
        ["fish", "--no-config", "-c", program],
        capture_output=True, text=True, cwd=tmp_path, env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert {word.split("\t")[0] for word in done.stdout.splitlines()} == LINES[line], done.stderr
