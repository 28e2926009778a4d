"""The installer's functions, each on a machine of files; the whole of it is tried by scripts/try-install."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from installer import Installer
from places import ROOT

from daemon.config import load

KEY = "AIzaSyT3st-Not_A-Real-Key-0123456789abcdef"
OVERLAY = "dtparam=spi=on\ndtoverlay=some-card"


@pytest.fixture
def machine(tmp_path: Path) -> Installer:
    return Installer(tmp_path)


def shell_value(name: str, part: str) -> str:
    """What a variable of a part is set to."""
    text = (ROOT / f"scripts/install.d/{part}.sh").read_text("utf-8")
    found = re.search(rf"^{name}='?([^'#\s]*)'?", text, re.MULTILINE)
    assert found
    return found[1]


# --- what the installer and the program must agree on


def test_the_places_are_those_of_the_program() -> None:
    """The configuration and the credential are where the daemon and systemd look for them."""
    assert shell_value("CONFIG", "places") == str(load.SYSTEM_FILE)
    assert shell_value("KEY_NAME", "places") == load.CREDENTIAL


def test_a_key_has_the_same_form_for_both() -> None:
    """What the installer takes, the daemon takes too."""
    assert shell_value("KEY_FORM", "key") == f"^{load.KEY_FORM.pattern}$"
    assert int(shell_value("KEY_LIMIT_BYTES", "key")) == load.KEY_LIMIT_BYTES


def test_each_file_of_systemd_has_a_place(machine: Installer) -> None:
    """A new kind of file is noticed here, and not on somebody's machine."""
    for file in sorted((ROOT / "systemd").iterdir()):
        done = machine.run(f"system_path {file.name}")
        assert (done.status, done.out[:1]) == (0, "/"), done.err


def test_the_manual_and_the_completions_are_put_where_they_are_looked_for_and_go_with_the_version(
    machine: Installer,
) -> None:
    version = machine.at("opt/conure/versions/1/files")
    machine.run(f"stage_system_files {version}")
    pages = ROOT / "docs" / "share"
    shares = {path.relative_to(pages) for path in pages.rglob("*") if path.is_file()}
    put = machine.at("usr/local/share")
    machine.run(f"put_tree {version} /nonexistent")
    assert {path.relative_to(put) for path in put.rglob("*") if path.is_file()} == shares
    machine.run(f"remove_tree_but {version} /nonexistent")
    assert not [path for path in put.rglob("*") if path.is_file()]


def test_an_unknown_kind_of_system_file_is_refused(machine: Installer) -> None:
    """It names the file and the place to mend."""
    done = machine.run("system_path conure.strange")
    assert done.status == 1
    assert "systemd/conure.strange" in done.err


def test_the_unit_has_one_command_to_which_standin_can_be_added() -> None:
    """`--standin` is put behind ExecStart=."""
    unit = (ROOT / "systemd/conure.service").read_text("utf-8")
    assert len(re.findall(r"^ExecStart=\S.*[^\\]$", unit, re.MULTILINE)) == 1


def test_offline_the_same_versions_are_installed(machine: Installer) -> None:
    """Without hashes the list names every package of the lock, with its marker."""
    lock = (ROOT / "requirements.lock").read_text("utf-8")
    expected = [line.removesuffix(" \\") for line in lock.splitlines() if re.match(r"[a-z0-9]", line)]
    assert machine.run("locked_versions").out.splitlines() == expected
    assert any(";" in line for line in expected)


def lock_lines(name: str) -> list[str]:
    """What a lock names, without the hashes."""
    text = (ROOT / name).read_text("utf-8")
    return [line.removesuffix(" \\") for line in text.splitlines() if re.match(r"[a-z0-9]", line)]


def test_offline_the_chosen_extras_are_installed_too(machine: Installer) -> None:
    """In the order of the locks, whatever order they were named in."""
    done = machine.run("read_extras wake,mcp; locked_versions")
    expected = [
        line
        for name in ("requirements.lock", "requirements-mcp.lock", "requirements-wake.lock")
        for line in lock_lines(name)
    ]
    assert done.out.splitlines() == expected


def test_each_extra_has_a_lock_that_holds_it_and_fits_the_others(machine: Installer) -> None:
    """A lock for each optional dependency of pyproject.toml, in which no package has a second version."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    assert machine.run('echo "${EXTRAS[*]}"').out.split() == sorted(extras)
    base = lock_lines("requirements.lock")
    locked = list(base)
    for name, wanted in extras.items():
        added = lock_lines(f"requirements-{name}.lock")
        names = {line.partition("==")[0] for line in added}
        assert {re.split("[<>=]", one)[0] for one in wanted} <= names
        assert names.isdisjoint({line.partition("==")[0] for line in base})
        locked += added
    versions = {line.partition(" ;")[0] for line in locked}
    assert len(versions) == len({version.partition("==")[0] for version in versions})


def test_an_extra_that_there_is_not_is_refused(machine: Installer) -> None:
    """With the names that there are."""
    done = machine.run("read_extras wake,silerro")
    assert done.status == 1
    assert 'no extra "silerro"; there are: mcp media mqtt wake web' in done.err


@pytest.mark.parametrize(
    ("asked", "chosen"),
    [("WITH=as-before", "mcp wake"), ("WITH=web", "web"), ("WITH=none", "")],
)
def test_extras_are_kept_until_others_are_named(machine: Installer, asked: str, chosen: str) -> None:
    """An upgrade must not take a wake word away."""
    machine.put("opt/conure/current/extras", "mcp,wake\n")
    assert machine.run(f'{asked}; choose_extras; echo "${{CHOSEN[*]}}"').out == f"{chosen}\n"


def test_what_was_an_extra_once_is_passed_over_and_told(machine: Installer) -> None:
    """An older installation may have it on its list."""
    machine.put("opt/conure/current/extras", "silero,wake\n")
    done = machine.run('WITH=as-before; choose_extras; echo "${CHOSEN[*]}"')
    assert done.out == "wake\n"
    assert "silero needs no --with" in done.err


def test_with_other_extras_it_is_another_version(machine: Installer) -> None:
    """So it is built beside the one in force, and can be gone back from."""
    names = {
        machine.run(f"read_extras {one}; version_name python3").out for one in ("none", "wake", "mcp,wake")
    }
    assert len(names) == 3


def test_what_is_tried_before_the_switch_can_be_imported(machine: Installer) -> None:
    """The list names modules that there are."""
    names = machine.run('echo "${NATIVE_MODULES[*]}"').out.split()
    assert len(names) > 5
    assert [name for name in names if importlib.util.find_spec(name) is None] == []


def test_each_step_is_there(machine: Installer) -> None:
    """A step that is announced has a function."""
    done = machine.run('for entry in "${ALL_STEPS[@]}"; do declare -F "step_${entry%%:*}"; done')
    assert done.status == 0
    assert len(done.out.split()) == 10


def test_every_package_of_the_tree_is_installed() -> None:
    """A folder without an `__init__.py` is no package to setuptools: no installed Conure would have it."""
    code = [file for top in ("daemon", "hw") for file in (ROOT / top).rglob("*.py")]
    assert [str(file) for file in code if not (file.parent / "__init__.py").exists()] == []
    found = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]["packages"]
    assert found == {"find": {"include": ["daemon", "daemon.*", "hw", "hw.*"]}}


# --- options and checks


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--bord", "x"], "there is no option --bord"),
        (["--board"], "--board needs a value"),
        (["--wheels", "/nonexistent", "--yes"], "there is no such folder"),
        (["--key-stdin"], "no terminal to ask at"),
    ],
)
def test_wrong_options_are_told(options: list[str], words: str) -> None:
    """The message names the option; nothing has been done by then."""
    done = subprocess.run(
        ["unshare", "--user", "--map-root-user", str(ROOT / "scripts/install"), *options],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    if "unshare:" in done.stderr:
        pytest.skip("this machine lets nobody play root")
    assert done.returncode != 0
    assert words in done.stderr or "needs systemd" in done.stderr


@pytest.mark.parametrize("name", ["amd64", "arm64"])
def test_64_bit_systems_are_taken(machine: Installer, name: str) -> None:
    """Debian's names of them."""
    assert machine.run(f"check_architecture {name}").status == 0


def test_a_32_bit_system_is_refused_with_the_reason(machine: Installer) -> None:
    """It names the wheels that are missing, and what to do."""
    done = machine.run("check_architecture armhf")
    assert done.status == 1
    assert "numpy" in done.err
    assert "64-bit Raspberry Pi OS" in done.err


def test_a_full_disk_is_told_before_anything_is_done(machine: Installer) -> None:
    """It says how much there is, and how much is needed."""
    done = machine.run("free_mb() { echo 12; }; APT=no; check_space")
    assert done.status == 1
    assert "12 MB" in done.err
    assert "300 MB" in done.err


# --- files


def test_a_file_that_is_as_it_should_be_is_not_touched(machine: Installer) -> None:
    """Neither it nor its folder changes, not even in time."""
    machine.run('put_file "$CONFIG" 0640 <<<"one"')
    file = machine.at("etc/conure/config.toml")
    before = (file.stat().st_mtime_ns, file.parent.stat().st_mtime_ns)
    done = machine.run('put_file "$CONFIG" 0640 <<<"one"; echo $CHANGED')
    assert done.out == "no\n"
    assert (file.stat().st_mtime_ns, file.parent.stat().st_mtime_ns) == before


@pytest.mark.parametrize("change", ['put_file "$CONFIG" 0640 <<<"two"', 'put_file "$CONFIG" 0600 <<<"one"'])
def test_other_content_or_another_mode_is_a_change(machine: Installer, change: str) -> None:
    """Both make the service restart."""
    machine.run('put_file "$CONFIG" 0640 <<<"one"')
    assert machine.run(f"{change}; echo $CHANGED").out == "yes\n"


def test_only_folders_that_were_missing_are_noted(machine: Installer) -> None:
    """What was there before the installation is not removed with it."""
    machine.at("etc").mkdir()
    machine.run('put_file "$STANDIN_DROP_IN" 0644 <<<"x"')
    made = machine.run("made folder").out.split()
    expected = ["etc/systemd/system/conure.service.d", "etc/systemd/system", "etc/systemd"]
    assert made == [str(machine.at(path)) for path in expected]


def test_a_foreign_file_in_the_place_of_the_command_is_left(machine: Installer) -> None:
    """Somebody's own script of that name is not overwritten."""
    foreign = machine.put("usr/local/bin/conure", "mine")
    done = machine.run('put_link "$CURRENT/bin/conure" "$COMMAND"')
    assert done.status == 1
    assert "is in the way" in done.err
    assert foreign.read_text("utf-8") == "mine"


def test_a_link_is_replaced_after_an_interrupted_switch_too(machine: Installer) -> None:
    """The power went between the two halves of it."""
    machine.at("opt/conure").mkdir(parents=True)
    for name in ("current", "current.new"):
        machine.at(f"opt/conure/{name}").symlink_to("versions/1")
    assert machine.run('put_link versions/2 "$CURRENT"').status == 0
    assert [(path.name, path.readlink().name) for path in machine.at("opt/conure").iterdir()] == [
        ("current", "2")
    ]


# --- the key


def test_the_key_is_stored_for_root_alone(machine: Installer) -> None:
    """And a second time it is no change."""
    script = 'read_key_from /dev/stdin "standard input"; store_key; echo $CHANGED'
    assert machine.run(script, stdin=f" {KEY}\r\n").out == "yes\n"
    file = machine.at("etc/credstore/gemini-api-key")
    assert file.read_text("utf-8").strip() == KEY
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert machine.run(script, stdin=KEY).out == "no\n"


def test_the_key_is_not_in_a_trace(machine: Installer) -> None:
    """Somebody who looks for a fault with bash -x may show what he sees to others."""
    script = 'read_key_from /dev/stdin "standard input"; store_key'
    done = machine.run(script, stdin=KEY, trace=True)
    assert done.status == 0
    assert KEY not in done.out + done.err


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"GEMINI_API_KEY={KEY}", "without a name"),
        (f'"{KEY}"', "quotes"),
        (f"{KEY}\n{KEY}", "second line"),
        ("", "is empty"),
        ("A" * 5000, "alone"),
    ],
)
def test_what_is_no_key_is_refused_without_showing_it(machine: Installer, text: str, words: str) -> None:
    """The message says what it must be."""
    done = machine.run(f'read_key_from {machine.put("key", text)} "--key-file key"')
    assert done.status == 1
    assert "--key-file key" in done.err
    assert words in done.err
    assert KEY not in done.err


def test_an_encrypted_key_takes_the_place_of_a_plain_one_and_back(machine: Installer) -> None:
    """There is never a second copy, and the unit is told which it is."""
    machine.program("systemd-creds", 'tr A-Za-z N-ZA-Mn-za-m >"${@: -1}"')
    plain, encrypted = (
        machine.at(f"etc/{name}/gemini-api-key") for name in ("credstore", "credstore.encrypted")
    )
    drop_in = machine.at("etc/systemd/system/conure.service.d/encrypted-key.conf")
    read = 'read_key_from /dev/stdin "standard input"; '
    machine.run(f"{read} store_key", stdin=KEY)
    assert machine.run(f"{read} store_key encrypt", stdin=KEY).status == 0
    assert encrypted.stat().st_mode & 0o777 == 0o600
    assert (plain.exists(), list(encrypted.parent.iterdir())) == (False, [encrypted])
    assert drop_in.read_text("utf-8") == "[Service]\nLoadCredentialEncrypted=gemini-api-key\n"
    assert KEY not in "".join(machine.calls())
    machine.run(f"{read} store_key", stdin=KEY)
    assert (plain.exists(), encrypted.exists(), drop_in.exists()) == (True, False, False)


def test_a_key_that_cannot_be_encrypted_stays_as_it_was(machine: Installer) -> None:
    """A systemd-creds that fails costs nobody his key."""
    machine.program("systemd-creds", "exit 1")
    read = 'read_key_from /dev/stdin "standard input"; '
    machine.run(f"{read} store_key", stdin=KEY)
    done = machine.run(f"{read} store_key encrypt", stdin=KEY)
    assert done.status == 1
    assert "without --encrypt-key" in done.err
    assert machine.at("etc/credstore/gemini-api-key").exists()
    assert not machine.at("etc/systemd/system/conure.service.d/encrypted-key.conf").exists()


def test_a_key_is_asked_for_until_it_is_one(machine: Installer) -> None:
    """A slip of the clipboard is told at once, and not shown."""
    done = machine.run('ask_key; echo "${#API_KEY}"', stdin=f"my key {KEY}\n{KEY}\n")
    assert done.out == f"{len(KEY)}\n"
    assert "that is no API key" in done.err
    assert KEY not in done.err


def test_a_key_may_be_given_later(machine: Installer) -> None:
    """Just Enter, or the end of the input."""
    assert machine.run('ask_key; echo "[$API_KEY]"', stdin="\n").out == "[]\n"
    assert machine.run('ask_key; echo "[$API_KEY]"').out == "[]\n"


# --- the board


@pytest.mark.parametrize(
    ("answer", "board"),
    [
        (
            '{"board": "aiy-voice-hat", "candidates": [{"name": "aiy-voice-hat", "because": ["a"]}]}',
            "aiy-voice-hat",
        ),
        (
            '{"board": null, "candidates": [{"name": "a", "because": []}, {"name": "b", "because": []}]}',
            "auto",
        ),
        ('{"board": null, "candidates": []}', "auto"),
        ("no JSON", "auto"),
    ],
)
def test_without_questions_the_board_is_the_one_that_is_found(
    machine: Installer, answer: str, board: str
) -> None:
    """Where it is not sure, the program decides at each start."""
    done = machine.run(f"conure_from_source() {{ echo '{answer}'; }}; choose_board; echo $BOARD")
    assert done.out == f"{board}\n"


@pytest.mark.parametrize(("answers", "board"), [("\n", "found"), ("typo\n?\nother\n", "other")])
def test_the_board_that_is_found_is_confirmed_or_another_named(
    machine: Installer, answers: str, board: str
) -> None:
    """A name that there is not is asked for again."""
    known = "conure_from_source() { [[ $* == boards || $2 == other || $2 == found ]]; }"
    done = machine.run(
        f"{known}; ASK=yes BOARD=found; confirm_board '  found - its card'; echo $BOARD", stdin=answers
    )
    assert done.out == f"{board}\n"
    assert "its card" in done.err


def test_a_configuration_is_kept_with_its_board(machine: Installer) -> None:
    """--board does not write into what its owner wrote."""
    file = machine.put("etc/conure/config.toml", '[board]\nname = "whisplay"\n')
    done = machine.run("BOARD=generic; choose_board; echo $BOARD")
    assert done.out == "whisplay\n"
    assert "[board] name" in done.err
    assert "whisplay" in file.read_text("utf-8")


def test_the_first_configuration_is_valid(machine: Installer) -> None:
    """The daemon takes it as it is written."""
    file = machine.put("config.toml", machine.run("BOARD=simulated; config_text").out)
    loaded = load.load(file, {})
    assert loaded.settings.board.name == "simulated"
    assert loaded.given == {"board.name"}


@pytest.mark.parametrize(
    "name", ["simulated", "/srv/my board.toml", '/srv/a"b.toml', "/srv/a\\b.toml", "/srv/é.toml"]
)
def test_the_first_configuration_names_the_board_whatever_its_path_holds(
    machine: Installer, name: str
) -> None:
    machine.put("name", name)
    text = machine.run(f"BOARD=$(cat {machine.at('name')}); config_text").out
    assert tomllib.loads(text) == {"board": {"name": name}}


@pytest.mark.parametrize(("status", "there"), [(0, True), (1, False)])
def test_a_first_configuration_that_would_not_be_valid_is_not_written(
    machine: Installer, status: int, there: bool
) -> None:
    """Else it would be kept, and stop every installation after this one."""
    conure = machine.put("opt/conure/versions/1/bin/conure", f"#!/bin/sh\nexit {status}\n")
    conure.chmod(0o755)
    done = machine.run("VERSION=1; BOARD=$'a\\nb'; step_configuration")
    assert done.status == status
    assert machine.at("etc/conure/config.toml").exists() is there
    assert there or "none was written" in done.err


@pytest.mark.parametrize("folder", ["boot/firmware", "boot"])
def test_the_overlay_is_written_once_and_removed_without_a_trace(machine: Installer, folder: str) -> None:
    """config.txt is byte for byte as before, and a copy was kept meanwhile."""
    before = "# mine\n[cm5]\ndtparam=audio=on"
    file = machine.put(f"{folder}/config.txt", before + "\n")
    script = f"OVERLAY=yes; offer_overlay $'{OVERLAY.encode('unicode_escape').decode()}'"
    assert machine.run(script).status == 0
    once = file.read_text("utf-8")
    assert f"[all]\n{OVERLAY}\n# conure: end " in once
    assert file.with_name("config.txt.before-conure").read_text("utf-8") == before + "\n"
    machine.run(script)
    assert file.read_text("utf-8") == once
    machine.run("remove_overlay")
    assert [path.name for path in file.parent.iterdir() if path.is_file()] == ["config.txt"]
    assert file.read_text("utf-8") == before + "\n"


def test_without_being_asked_the_overlay_is_only_told(machine: Installer) -> None:
    """--yes is no leave to change how the machine boots."""
    file = machine.put("boot/firmware/config.txt", "# mine\n")
    done = machine.run(f"offer_overlay '{OVERLAY}'")
    assert "dtoverlay=some-card" in done.err
    assert file.read_text("utf-8") == "# mine\n"


def test_levels_are_set_once_and_only_on_a_card_that_is_there(machine: Installer) -> None:
    """What the owner changes with alsamixer afterwards is his."""
    facts = (
        '{"sound": {"speaker": ["one", "two"], "mic": ["two"]},'
        ' "setup": {"mixer": [{"control": "Playback Volume", "value": "80,80"}]}}'
    )
    script = f"BOARD=some; board_json() {{ echo '{facts}'; }}; set_levels"
    machine.program("amixer")
    machine.program("alsactl")
    machine.run(script)
    assert machine.calls() == []
    machine.at("proc/asound/two").mkdir(parents=True)
    for _ in range(2):
        assert machine.run(script).status == 0
        assert machine.calls() == [
            "amixer --quiet -c two cset name=Playback Volume 80,80",
            "alsactl store two",
        ]


# --- the switch, and the way back


@pytest.fixture
def switched(machine: Installer) -> Installer:
    """Version 1 is in force and has been READY; version 2 is built; the service manager obeys."""
    machine.at("run/systemd/system").mkdir(parents=True)
    for program in ("systemd-sysusers", "systemctl", "udevadm"):
        machine.program(program)
    put_version(machine, "1")
    assert machine.run("activate 1; start_service 1").status == 0
    put_version(machine, "2")
    return machine


def put_version(machine: Installer, name: str) -> None:
    """A version with a unit and a file that no other has."""
    folder = f"opt/conure/versions/{name}/files/etc"
    machine.put(f"{folder}/systemd/system/conure.service", f"unit {name}")
    machine.put(f"{folder}/udev/rules.d/only-{name}.rules", name)


def only_1_becomes_ready(machine: Installer) -> None:
    """The service manager fails to restart any other version."""
    machine.program(
        "systemctl", f"[[ $1 != restart || $(readlink {machine.folder}/opt/conure/current) == */1 ]]"
    )


def in_force(machine: Installer) -> tuple[str, str, list[str]]:
    """The version that `current` leads to, the unit, and the rules that are there."""
    return (
        machine.at("opt/conure/current").readlink().name,
        machine.at("etc/systemd/system/conure.service").read_text("utf-8"),
        sorted(path.name for path in machine.at("etc/udev/rules.d").iterdir()),
    )


def test_a_version_brings_its_files_and_takes_those_of_the_one_before(switched: Installer) -> None:
    """The command is a link, so it changes with the version."""
    assert in_force(switched) == ("1", "unit 1", ["only-1.rules"])
    assert switched.run("activate 2; start_service 2").status == 0
    assert in_force(switched) == ("2", "unit 2", ["only-2.rules"])
    assert switched.at("opt/conure/previous").readlink().name == "1"
    assert switched.at("usr/local/bin/conure").readlink() == switched.at("opt/conure/current/bin/conure")


UNIT = "etc/systemd/system/conure.service"


def test_a_unit_that_somebody_changed_is_kept_beside_the_new_one(switched: Installer) -> None:
    """Each time; what Conure itself put there before is not."""
    assert switched.run("activate 2; activate 1").err == ""
    for text in ("mine", "mine again"):
        switched.put(UNIT, text)
        done = switched.run("activate 2; activate 1")
        assert f"kept as {switched.at(UNIT)}.before-conure" in done.err
    assert switched.at(UNIT).read_text("utf-8") == "unit 1"
    kept = sorted(switched.at(UNIT).parent.glob("*.before-conure*"))
    assert [path.read_text("utf-8") for path in kept] == ["mine again", "mine"]


def test_a_version_that_does_not_become_ready_is_taken_back(switched: Installer) -> None:
    """With its files; the one before is started again, and the installation fails."""
    only_1_becomes_ready(switched)
    done = switched.run("activate 2; start_service 2")
    assert done.status == 1
    assert "2 did not become READY; going back to 1" in done.err
    assert "1 runs again" in done.err
    assert in_force(switched) == ("1", "unit 1", ["only-1.rules"])
    words = [call for call in switched.calls() if re.search("restart|stop", call)]
    assert words[-3:] == [f"systemctl {verb} conure.service" for verb in ("restart", "stop", "restart")]


def test_after_an_interruption_the_next_installation_takes_it_back_too(switched: Installer) -> None:
    """The power went between the switch and the start: that it was never READY is known from the disk."""
    switched.run("activate 2")
    only_1_becomes_ready(switched)
    assert switched.run("activate 2; start_service 2").status == 1
    assert in_force(switched)[0] == "1"


def test_a_version_that_has_been_ready_is_not_taken_back(switched: Installer) -> None:
    """It is the microphone's or the configuration's fault then, and an older version would not help."""
    switched.run("activate 2; start_service 2")
    switched.program("systemctl", "[[ $1 != restart ]]")
    done = switched.run("activate 2; CHANGED=yes; start_service 2")
    assert done.status == 1
    assert "journalctl -u conure" in done.err
    assert in_force(switched)[0] == "2"


def test_nothing_is_restarted_when_nothing_has_changed(switched: Installer) -> None:
    """A second installation does not cut a conversation off."""
    before = len(switched.calls())
    assert "nothing has changed" in switched.run("activate 1; start_service 1").err
    assert not [call for call in switched.calls()[before:] if "restart" in call]


def test_one_version_is_kept_to_go_back_to(switched: Installer) -> None:
    """The third takes the place of the first."""
    switched.run("activate 2; start_service 2")
    put_version(switched, "3")
    switched.run("activate 3; start_service 3")
    kept = sorted(path.name for path in switched.at("opt/conure/versions").iterdir())
    assert kept == ["2", "3"]


def test_standin_is_added_to_the_command_of_the_unit(switched: Installer) -> None:
    """By a drop-in, so the unit stays as it was shipped."""
    switched.put("opt/conure/current/files/etc/systemd/system/conure.service", "ExecStart=/x/conure run\n")
    switched.run("use_standin")
    drop_in = switched.at("etc/systemd/system/conure.service.d/standin.conf").read_text("utf-8")
    assert drop_in.endswith("[Service]\nExecStart=\nExecStart=/x/conure run --standin\n")


# --- the program


def test_a_version_is_named_by_all_that_is_in_it(machine: Installer) -> None:
    """A changed source is another version; what Python leaves behind is not."""
    tree = machine.folder / "tree"
    files = ["daemon/__init__.py", "hw/a.py", "systemd/a.service", "scripts/install.d/a.sh", "scripts/lib.sh"]
    files += ["scripts/uninstall", "pyproject.toml", "requirements.lock", "requirements-build.lock"]
    files += ["README.md", "docs/a.md", "CHANGELOG.md", "LICENSE", "docs/share/man/man1/a.1"]
    for file in files:
        machine.put(f"tree/{file}", '__version__ = "1.2.3"\n')

    def name() -> str:
        return machine.run(f"ROOT={tree}; version_name python3").out.strip()

    first = name()
    assert re.fullmatch(r"1\.2\.3-[0-9a-f]{12}", first)
    machine.put("tree/hw/__pycache__/a.cpython-311.pyc", "x")
    assert name() == first
    machine.put("tree/hw/a.py", "changed")
    assert name() != first


def test_the_installed_pages_lie_as_in_the_tree(machine: Installer) -> None:
    """Else the links between them would lead nowhere."""
    pages = ["README.md", "SECURITY.md", "LICENSE", "docs/use/tools.md", "docs/inside/testing.md"]
    for page in pages:
        machine.put(f"tree/{page}", "words\n")
    machine.run(f"ROOT={machine.folder}/tree; install_pages {machine.folder}/doc")
    installed = machine.folder / "doc"
    found = [str(path.relative_to(installed)) for path in installed.rglob("*") if path.is_file()]
    assert sorted(found) == sorted(pages)
