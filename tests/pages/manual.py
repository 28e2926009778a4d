"""Manual pages and completions of shells, made from the program. `scripts/make-manual` writes them anew.

`docs/share/` is laid out as /usr/share is, so that whoever installs Conure copies it as it is.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from unittest.mock import patch

ROOT = Path(__file__).parents[2]

if __name__ == "__main__":
    sys.path[:0] = [str(ROOT)]  # as pytest's `pythonpath` does

import shtab  # noqa: E402 - it comes with the development environment, the program by the line above
from argparse_manpage.manpage import Manpage  # noqa: E402

from daemon.cli.main import EPILOGUE, make_parser  # noqa: E402
from daemon.cli.text.configuration import allowed  # noqa: E402
from daemon.config.load import SYSTEM_FILE  # noqa: E402
from daemon.config.schema import TABLES, Key, toml_value  # noqa: E402
from daemon.control.client import SYSTEM_SOCKET  # noqa: E402
from daemon.doctor.light_show import SCENES_BY_NAME  # noqa: E402
from daemon.doctor.tones import TONES  # noqa: E402
from daemon.standin.voices import VOICES  # noqa: E402
from hw.boards.board_files import shipped_names  # noqa: E402

ENVIRONMENT = {
    "CONURE_CONFIG": "the configuration file, unless --config names one",
    "CONURE_SOCKET": "the control socket, in the place of the usual one",
    "GEMINI_API_KEY": "the API key; GOOGLE_API_KEY too. Better: a file, [live] api_key_file",
    "GOOGLE_GEMINI_BASE_URL": "another address of the service, such as the stand-in's",
    "HTTPS_PROXY": "an HTTP proxy on the way to the service",
    "NO_COLOR": "the live view has no colours",
    "SSL_CERT_FILE": "the certificates to trust, in the place of those that come with Conure",
    "STATE_DIRECTORY": "where state is kept; systemd sets it, else it is ~/.local/state/conure",
    "TZ": "the time zone, in the place of the machine's",
}

FILES = {
    "~/.config/conure/config.toml": "the configuration, where it is there",
    str(SYSTEM_FILE): "the configuration otherwise, and always the service's",
    "/etc/conure/tools": "your own tools",
    "/etc/credstore/gemini-api-key": "the service's API key",
    "/var/lib/conure": "the service's state",
    str(SYSTEM_SOCKET): "the service's control socket",
}

WORDS: dict[str, Iterable[str]] = {
    # what can stand for an argument: by the command and the name of the argument, or by the option
    "conure boards name": shipped_names(),
    "--board": shipped_names(),
    "conure tone name": TONES,
    "conure lights name": SCENES_BY_NAME,
    "--voice": VOICES,
}


# --- completions -----------------------------------------------------------------------------------


def completions(shell: str) -> str:
    """The completions for a shell of `shtab`."""
    parser = make_parser()
    for command, action in parser.all_actions():
        _explain(command, action)
    return str(shtab.complete(parser, shell=shell))


def _explain(command: str, action: argparse.Action) -> None:
    """Say what the parser leaves to the command itself: the words that it takes, and files."""
    for name in (*action.option_strings, f"{command} {action.dest}"):
        if name in WORDS:
            action.choices = list(WORDS[name])
    if action.metavar == "FILE":
        action.complete = shtab.FILE  # type: ignore[attr-defined]  # as shtab wants it


# --- manual pages ----------------------------------------------------------------------------------


def command_page() -> str:
    """conure(1)."""
    with patch.dict(os.environ, COLUMNS="80"):  # argparse breaks the usage to the terminal
        return _command_page()


def _command_page() -> str:
    parser = make_parser()
    parser.epilog = None
    page = Manpage(parser, format="single-commands-section")
    page.date, page.manual, page.source = "", "User Commands", "conure"
    page.description = "a smart speaker that talks with Gemini Live"
    page.add_section("exit status", "=", roff(f"{EPILOGUE.partition('Exit status: ')[2]}"))
    page.add_section("environment", "=", _listing(ENVIRONMENT))
    page.add_section("files", "=", _listing(FILES))
    page.add_section("see also", "=", ".BR conure.toml (5),\n.BR journalctl (1)")
    return str(page)


def configuration_page() -> str:
    """conure.toml(5)."""
    return "\n".join([*_head(), *(line for table in TABLES for line in _table(table))]) + "\n"


def _head() -> Iterator[str]:
    yield '.TH CONURE.TOML "5" "" "conure" "File Formats"'
    yield ".SH NAME"
    yield roff("conure.toml - the configuration of Conure")
    yield ".SH DESCRIPTION"
    yield roff(
        "One file in TOML. Conure takes the first that there is of: the one that --config names, "
        f"$CONURE_CONFIG, ~/.config/conure/config.toml, {SYSTEM_FILE}. The service takes the last one. "
        "Every key has a default that works, so the file holds only what is to be different."
    )
    yield ".PP"
    yield roff("`conure config check` tells every mistake, `conure config show` every key in force.")


def _table(table: str) -> Iterator[str]:
    yield f".SH {roff(f'[{table}]')}"
    for key in TABLES[table].values():
        yield from (".TP", rf"\fB{roff(key.name)}\fR = {roff(toml_value(key.default))}", roff(_meaning(key)))


def _meaning(key: Key) -> str:
    may_be = allowed(key)
    return f"{key.doc} ({may_be})" if may_be else key.doc


def _listing(items: Mapping[str, str]) -> str:
    return "\n".join(line for name, words in items.items() for line in (".TP", roff(name), roff(words)))


def roff(text: str) -> str:
    """Text in which nothing is a command of roff (groff_char(7))."""
    plain = text.replace("\\", r"\e").replace("-", r"\-").replace("`", r"\`").replace("'", r"\(aq")
    return rf"\&{plain}" if plain.startswith(".") else plain


# --- the files -------------------------------------------------------------------------------------

PAGES: dict[str, Callable[[], str]] = {
    "man/man1/conure.1": command_page,
    "man/man5/conure.toml.5": configuration_page,
    "bash-completion/completions/conure": lambda: completions("bash"),
    "zsh/site-functions/_conure": lambda: completions("zsh"),
    "fish/vendor_completions.d/conure.fish": lambda: completions("fish"),
}
"""What makes each file of `docs/share/`."""

SHARE = ROOT / "docs" / "share"


def write_all(folder: Path = SHARE) -> None:
    """Write every file below the folder."""
    for name, make in PAGES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(make(), "utf-8")


if __name__ == "__main__":
    write_all()
