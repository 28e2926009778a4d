"""The packages that the owner's own tools need: built into each version of the program."""

from __future__ import annotations

from pathlib import Path

import pytest
from installer import Installer

from daemon.tools.sources.python_files import PACKAGES_REMEDY

REQUIREMENTS = "etc/conure/tools/requirements.txt"


@pytest.fixture
def machine(tmp_path: Path) -> Installer:
    return Installer(tmp_path)


def test_the_daemon_names_the_place_in_which_the_installer_looks(machine: Installer) -> None:
    place = machine.run('echo "$REQUIREMENTS"').out.strip().removeprefix(str(machine.folder))
    assert place in PACKAGES_REMEDY


def test_the_packages_of_the_owners_tools_make_another_version(machine: Installer) -> None:
    """So they are built beside the version in force, at the next installation and at each upgrade."""
    without = machine.run("version_name python3").out
    machine.put(REQUIREMENTS, "tinytuya==1.17.4\n")
    one = machine.run("version_name python3").out
    machine.put(REQUIREMENTS, "tinytuya==1.17.5\n")
    assert len({without, one, machine.run("version_name python3").out}) == 3


def test_the_packages_of_the_owners_tools_fit_conures_own(machine: Installer) -> None:
    """pip is told the version of each package of the locks; with --wheels it takes what the folder holds."""
    machine.put(REQUIREMENTS, "tinytuya\n")
    machine.at("tmp").mkdir()
    pip = 'pip_install() { shift; echo "$PWD: $*"; }'
    done = machine.run(f"{pip}; install_own_packages {machine.folder} /wheels")
    file, constraints = machine.at(REQUIREMENTS), machine.at("tmp/constraints.txt")
    assert done.out == (
        f"{file.parent}: --no-index --find-links /wheels --constraint {constraints} -r {file}\n"
    )
    assert constraints.read_text("utf-8") == machine.run("locked_versions").out


@pytest.mark.parametrize("text", [None, ""])
def test_without_packages_of_the_owners_nothing_is_installed(machine: Installer, text: str | None) -> None:
    if text is not None:
        machine.put(REQUIREMENTS, text)
    done = machine.run("pip_install() { echo called; }; install_own_packages /x")
    assert (done.status, done.out) == (0, "")


def test_packages_of_the_owners_that_cannot_be_installed_are_named(machine: Installer) -> None:
    file = machine.put(REQUIREMENTS, "no-such-package\n")
    machine.at("tmp").mkdir()
    done = machine.run(f"pip_install() {{ fail 'see above'; }}; install_own_packages {machine.folder}")
    assert done.status == 1
    assert f"that was for {file}" in done.err


@pytest.mark.parametrize("place", [REQUIREMENTS, "etc/conure/tools"])
def test_a_list_of_packages_that_everybody_may_write_is_refused(machine: Installer, place: str) -> None:
    """Root installs what it names. The tools beside it are its owner's."""
    machine.put(REQUIREMENTS, "tinytuya\n")
    machine.put("etc/conure/tools/mine.py").chmod(0o666)
    script = "WHEELS=''; check_user() { :; }; check_places"
    assert machine.run(script).status == 0
    machine.at(place).chmod(0o777)
    done = machine.run(script)
    assert done.status == 1
    assert f"{place} is " in done.err
