"""The installer's parts in a bash of their own, with every place of places.sh below a test's folder."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from places import ROOT

PARTS = ("guard", "files", "checks", "program", "key", "board", "service", "web", "mqtt", "steps")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a piece of shell."""

    status: int
    out: str
    err: str


class Installer:
    """A machine of files alone: what the installer's functions do to it can be looked at."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.programs = folder / "bin"
        self.programs.mkdir()
        self._places = folder / "places.sh"
        text = (ROOT / "scripts/install.d/places.sh").read_text("utf-8")
        text = re.sub(r"([=( ])/(?=opt|usr|etc|var|run|proc|boot)", rf"\1{folder}/", text)
        self._places.write_text(text + f"SYSTEM_ROOT={folder}\n", "utf-8")

    def at(self, path: str) -> Path:
        """The place on this machine of an absolute path."""
        return self.folder / path.lstrip("/")

    def put(self, path: str, text: str = "") -> Path:
        """A file on this machine, with its folders."""
        file = self.at(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
        return file

    def program(self, name: str, text: str = "") -> None:
        """A program that notes how it was called in calls.txt, and then does what the text says."""
        file = self.programs / name
        note = f'printf "%s\\n" "{name} $*" >>"{self.folder}/calls.txt"'
        file.write_text(f"#!/usr/bin/env bash\n{note}\n{text}\n", "utf-8")
        file.chmod(0o755)

    def calls(self) -> list[str]:
        """How the programs were called, in order."""
        file = self.folder / "calls.txt"
        return file.read_text("utf-8").splitlines() if file.exists() else []

    def run(
        self,
        script: str,
        *,
        stdin: str = "",
        trace: bool = False,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> Outcome:
        """Run a piece of shell that has all parts of the installer."""
        sources = ["scripts/lib.sh", *(f"scripts/install.d/{part}.sh" for part in PARTS)]
        head = "".join(f'source "{ROOT / source}"\n' for source in sources)
        options = "STEP=0 STEPS=() ASK=no BOARD='' WITH=as-before OVERLAY=ask"
        text = f"{head}source '{self._places}'\n{options}\n{script}"
        done = subprocess.run(
            ["bash", *(["-x"] if trace else []), "-euo", "pipefail", "-c", text],
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            cwd=cwd,
            env={**os.environ, **(env or {}), "PATH": f"{self.programs}:{os.environ['PATH']}"},
        )
        return Outcome(done.returncode, done.stdout, done.stderr)

    def uninstall(self, option: str) -> Outcome:
        """Run all of scripts/uninstall, but for the look whether it is root that runs it."""
        text = (ROOT / "scripts/uninstall").read_text("utf-8").replace("((EUID))", "false")
        own = [line for line in text.splitlines() if not re.match(r"source |HERE=|PATH=", line)]
        return self.run("\n".join(own).replace('parse_options "$@"', f"parse_options {option}"))
