"""What belongs to somebody else: the installer and the removal refuse, or leave it, and say so."""

from __future__ import annotations

import fcntl
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from installer import Installer
from places import ROOT

OVERLAY = "dtparam=spi=on\ndtoverlay=some-card"
NOBODY = 65534


@pytest.fixture
def machine(tmp_path: Path) -> Installer:
    return Installer(tmp_path)


@pytest.fixture
def installed(machine: Installer) -> Installer:
    """An installation with all that its owner may have: configuration, key, state."""
    machine.put("opt/conure/versions/1/files/etc/systemd/system/conure.service", "unit")
    machine.put("etc/systemd/system/conure.service", "unit")
    machine.at("opt/conure/current").symlink_to("versions/1")
    machine.put("opt/conure/made", "")
    for path in ("etc/conure/config.toml", "etc/credstore/gemini-api-key", "var/lib/conure/facts.txt"):
        machine.put(path, "mine")
    machine.put("var/lib/conure-web/devices.json", "mine")
    for program in ("systemctl", "userdel", "groupdel"):
        machine.program(program)
    machine.program(
        "getent", 'case $1 in passwd) echo "conure:x:998:998::/:/" ;; group) echo "conure:x:998:" ;; esac'
    )
    return machine


def everything(machine: Installer) -> set[Path]:
    return set(machine.folder.rglob("*")) - {machine.folder / "calls.txt"}


# --- the folder of the installation


def test_a_folder_that_is_not_there_yet_is_fine(machine: Installer) -> None:
    assert machine.run("check_home_folder").status == 0


def test_an_installation_of_roots_own_is_fine(installed: Installer) -> None:
    """With what a disk of its own, or an interrupted switch, leaves there."""
    installed.at("opt/conure/lost+found").mkdir()
    installed.at("opt/conure/current.new").symlink_to("versions/2")
    assert installed.run("check_home_folder").status == 0


@pytest.mark.parametrize("name", ["README.md", "daemon", ".git"])
def test_what_is_not_the_installers_is_named_and_refused(installed: Installer, name: str) -> None:
    installed.put(f"opt/conure/{name}/x")
    done = installed.run("check_home_folder")
    assert done.status == 1
    assert f"there is also: {name}" in done.err


@pytest.mark.parametrize("place", ["opt/conure", "opt/conure/versions"])
def test_a_link_in_the_place_of_the_installation_is_refused(machine: Installer, place: str) -> None:
    machine.at("elsewhere").mkdir()
    machine.at(place).parent.mkdir(parents=True)
    machine.at(place).symlink_to(machine.at("elsewhere"))
    done = machine.run("check_home_folder")
    assert done.status == 1
    assert f"{place} is a link" in done.err


@pytest.mark.parametrize("mode", [0o777, 0o702])
def test_what_everybody_may_write_to_is_refused(installed: Installer, mode: int) -> None:
    installed.at("opt/conure/versions/1/files/etc").chmod(mode)
    done = installed.run("check_home_folder")
    assert done.status == 1
    assert "/versions/1/files/etc is " in done.err
    assert "chmod -R go-w" in done.err


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give something away")
@pytest.mark.parametrize(
    "place", ["opt/conure", "opt/conure/versions/1/files/etc/systemd/system/conure.service"]
)
def test_what_belongs_to_another_user_is_refused(installed: Installer, place: str) -> None:
    """He could tell root what to run, and what to remove."""
    os.chown(installed.at(place), NOBODY, -1)
    done = installed.run("check_home_folder")
    assert done.status == 1
    assert f"{place} is nobody:" in done.err
    assert "sudo chown -R root:root" in done.err


def test_a_source_tree_in_the_place_of_the_installation_is_refused(machine: Installer) -> None:
    tree = machine.put("opt/conure/scripts/install").parents[1]
    done = machine.run(f"ROOT={tree}; check_tree")
    assert done.status == 1
    assert "this source tree is in" in done.err


@pytest.mark.parametrize("name", ["ROOT", "WHEELS"])
def test_what_everybody_may_write_to_is_not_installed(machine: Installer, name: str) -> None:
    """Root runs what is in the tree and in the wheels; the folders with a dot are the owner's business."""
    tree = machine.put("tree/hw/a.py").parents[1]
    (tree / ".git").mkdir(mode=0o777)
    (tree / ".git").chmod(0o777)
    other = machine.put("other/x").parent
    script = f"ROOT={other} WHEELS={other} {name}={tree}; check_user() {{ :; }}; check_places"
    assert machine.run(script).status == 0
    (tree / "hw").chmod(0o777)
    done = machine.run(script)
    assert done.status == 1
    assert f"everybody may write to {tree}/hw" in done.err


def test_a_person_called_conure_is_not_made_the_services_user(machine: Installer) -> None:
    machine.program("getent", "echo conure:x:1000:1000::/home/conure:/bin/bash")
    done = machine.run("check_user")
    assert done.status == 1
    assert "a person's account" in done.err
    machine.program("getent", "echo conure:x:998:998::/:/usr/sbin/nologin")
    assert machine.run("check_user").status == 0
    machine.program("getent", "exit 2")
    assert machine.run("check_user").status == 0


@pytest.fixture
def locked(installed: Installer) -> Iterator[Installer]:
    """Another installation is at work."""
    handle = os.open(installed.at("opt/conure"), os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    yield installed
    os.close(handle)


def test_the_removal_waits_for_no_installation_that_is_at_work(locked: Installer) -> None:
    before = everything(locked)
    done = locked.uninstall("--purge")
    assert done.status == 1
    assert "another installation or removal is at work" in done.err
    assert everything(locked) == before
    assert locked.calls() == []


def test_a_lock_on_a_folder_that_was_removed_meanwhile_is_none(installed: Installer) -> None:
    """The removal held it until the folder was gone."""
    gone = 'flock() { mv "$HOME_FOLDER" "$HOME_FOLDER.gone"; mkdir "$HOME_FOLDER"; }'
    done = installed.run(f"{gone}; lock")
    assert done.status == 1
    assert "was removed just now" in done.err


# --- the removal


def test_the_removal_leaves_nothing_but_what_is_to_be_kept(installed: Installer) -> None:
    assert installed.uninstall("--keep").status == 0
    left = {path for path in everything(installed) if path.is_file()} - set(installed.programs.iterdir())
    assert sorted(path.name for path in left) == [
        "config.toml",
        "devices.json",
        "facts.txt",
        "gemini-api-key",
        "places.sh",
    ]
    assert [call for call in installed.calls() if "del " in call] == []


def test_the_removal_of_everything_takes_the_accounts_too(installed: Installer) -> None:
    assert installed.uninstall("--purge").status == 0
    assert [call for call in installed.calls() if "del " in call] == [
        "userdel conure",
        "groupdel conure",
        "userdel conure-mqtt",
        "groupdel conure-mqtt",
        "userdel conure-web",
        "groupdel conure-web",
    ]
    assert not installed.at("opt/conure").exists()
    assert not installed.at("var/lib/conure").exists()
    assert not installed.at("var/lib/conure-web").exists()


@pytest.mark.parametrize("option", ["--keep", "--purge"])
def test_the_removal_touches_no_source_tree_at_the_installations_place(
    installed: Installer, option: str
) -> None:
    installed.put("opt/conure/daemon/mine.py")
    before = everything(installed)
    done = installed.uninstall(option)
    assert done.status == 1
    assert "there is also: daemon" in done.err
    assert everything(installed) == before
    assert [call for call in installed.calls() if call.startswith("systemctl")] == []


def test_a_folder_alone_with_something_else_is_no_installation(machine: Installer) -> None:
    machine.put("opt/conure/daemon/mine.py")
    assert machine.uninstall("--keep").status == 1
    assert machine.at("opt/conure/daemon/mine.py").exists()


def test_a_linked_installation_is_not_removed_half(machine: Installer) -> None:
    machine.put("data/versions/1/x")
    machine.at("opt").mkdir()
    machine.at("opt/conure").symlink_to(machine.at("data"))
    done = machine.uninstall("--purge")
    assert done.status == 1
    assert "is a link" in done.err
    assert machine.at("data/versions/1/x").exists()


def test_an_account_that_is_in_use_does_not_hold_up_the_removal(installed: Installer) -> None:
    installed.program("userdel", "echo 'user conure is currently used by process 7' >&2; exit 8")
    done = installed.uninstall("--purge")
    assert done.status == 0
    assert "conure stays (see above); to remove it later: sudo userdel conure" in done.err
    assert not installed.at("opt/conure").exists()


def test_a_persons_account_is_not_removed(installed: Installer) -> None:
    installed.program("getent", "echo conure:x:1000:1000::/home/conure:/bin/bash")
    assert installed.uninstall("--purge").status == 0
    assert [call for call in installed.calls() if "del " in call] == []


def test_state_behind_a_link_is_told_and_left(installed: Installer) -> None:
    """Its owner put it on another disk; that it is not gone he must know."""
    state = installed.at("var/lib/conure")
    state.rename(installed.at("disk"))
    state.symlink_to(installed.at("disk"))
    done = installed.uninstall("--purge")
    assert done.status == 0
    assert f"what it leads to stays: {installed.at('disk')}" in done.err
    assert not state.is_symlink()
    assert installed.at("disk/facts.txt").exists()


# --- config.txt


@pytest.mark.parametrize("before", [b"a=1", b"a=1\r\nb=2\r\n", b"[cm5]\r\na=1", b""])
def test_the_overlay_comes_and_goes_without_a_trace(installed: Installer, before: bytes) -> None:
    """A last line without an end, and the line ends of Windows."""
    file = installed.put("boot/firmware/config.txt")
    file.write_bytes(before)
    script = f"OVERLAY=yes; offer_overlay '{OVERLAY}'"
    assert installed.run(script).status == 0
    once = file.read_bytes()
    assert installed.run(script).status == 0
    assert file.read_bytes() == once
    done = installed.uninstall("--keep")
    assert "the overlay was taken out" in done.err
    assert file.read_bytes() == before
    assert list(file.parent.iterdir()) == [file]


def test_a_lost_marker_costs_its_owner_nothing(installed: Installer) -> None:
    """Neither his lines nor the copy; the rest of the removal is done, and what is left is told."""
    file = installed.put("boot/firmware/config.txt", "a=1\n")
    installed.run(f"OVERLAY=yes; offer_overlay '{OVERLAY}'")
    damaged = re.sub(r"# conure: end.*\n", "mine=1\n", file.read_text("utf-8"))
    file.write_text(damaged, "utf-8")
    done = installed.uninstall("--purge")
    assert done.status == 0
    assert f"what Conure wrote into {file} is still there" in done.err
    assert file.read_text("utf-8") == damaged
    assert file.with_name("config.txt.before-conure").read_text("utf-8") == "a=1\n"
    assert not installed.at("opt/conure").exists()


def test_an_overlay_that_cannot_be_written_is_told(machine: Installer) -> None:
    file = machine.put(
        "boot/config.txt", "The file you are looking for has moved to /boot/firmware/config.txt\n"
    )
    done = machine.run(f"OVERLAY=yes; offer_overlay '{OVERLAY}'")
    assert done.status == 1
    assert "is the boot partition mounted?" in done.err
    assert list(file.parent.iterdir()) == [file]
    machine.at("boot/config.txt").unlink()
    assert "is this a Raspberry Pi?" in machine.run(f"OVERLAY=yes; offer_overlay '{OVERLAY}'").err


def test_without_a_config_txt_nothing_is_said_of_overlays(machine: Installer) -> None:
    done = machine.run(f"offer_overlay '{OVERLAY}'")
    assert (done.status, done.err) == (0, "")


# --- the Python that root runs

PARTS = [ROOT / "scripts" / name for name in ("install", "uninstall", "lib.sh", "make-wheels")]
PYTHON = re.compile(
    r"""(?:\bpython3|"\$python"|"\$candidate"|/bin/python"|"\$1"(?= -[Imc] ))(?: (?P<options>-\S*))?"""
)


def test_no_python_of_the_installers_looks_into_the_current_folder() -> None:
    """Each call says -I; a Python that is named without options is no call."""
    calls = [
        (file.name, number, found["options"])
        for file in [*PARTS, *sorted((ROOT / "scripts/install.d").glob("*.sh"))]
        for number, line in enumerate(file.read_text("utf-8").splitlines(), 1)
        for found in PYTHON.finditer(line.partition("  # ")[0])
        if found["options"]
    ]
    assert len(calls) > 10
    assert [call for call in calls if call[2] != "-I"] == []


def test_what_somebody_put_into_the_current_folder_is_not_run(tmp_path: Path) -> None:
    """Root's installer, started in a folder of anybody's."""
    trap = tmp_path / "anybodys"
    trap.mkdir()
    for module in ("ensurepip", "venv", "json", "tomllib", "argparse", "runpy", "zlib", "platform", "daemon"):
        (trap / f"{module}.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n", "utf-8")
    machine = Installer(tmp_path)
    for path in ("etc/conure/config.toml", "boot/config.txt"):
        machine.put(path, "")
    script = """
        find_python; program_python /wheels; version_name "$(find_python)"
        conure_from_source boards generic --json | read_json 'print(data["name"])'
        configured_board; edit_config_txt has "${BOOT_FOLDERS[1]}/config.txt" </dev/null || true
        "$(find_python)" -I -m venv --help >/dev/null
    """
    done = machine.run(script, cwd=trap, env={"PYTHONPATH": str(trap)})
    assert done.status == 0, done.err
    assert "generic\nauto" in done.out
    assert not (tmp_path / "ran").exists()


def test_a_search_path_of_folders_does_not_lead_astray(tmp_path: Path) -> None:
    """With CDPATH, cd may go, and print, elsewhere."""
    elsewhere = tmp_path / "scripts"
    elsewhere.mkdir()
    done = subprocess.run(
        ["bash", "-c", 'source scripts/lib.sh; echo "$ROOT"'],
        cwd=ROOT, env={**os.environ, "CDPATH": str(tmp_path)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == f"{ROOT}\n"
