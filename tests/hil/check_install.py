"""The installer on real systemd: once more, with an encrypted key, an upgrade that fails, and the removal.

One after the other, on one machine, which the last of them leaves without Conure.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from pathlib import Path

import machine
import pytest
from machine import UNIT, Button, fresh_start, is_online, shown, speak, state, systemctl, wait_for

TREE = Path("/root/conure")
HOME = Path("/opt/conure")
KEY = "hil-key-0123456789"
"""What tests/hil/install gave it."""
PLAIN = Path("/etc/credstore/gemini-api-key")
ENCRYPTED = Path("/etc/credstore.encrypted/gemini-api-key")
BROKEN_VERSION = "0.90.1"
BEFORE = Path("/root/before")
"""The files that there were before the first installation (`manifest names`)."""

WAIT_S = 1800.0
"""The machine's clock leaps ahead while nothing but the disk is busy."""


@pytest.fixture(autouse=True, scope="module")
def _tree() -> None:
    """The source tree, as it was installed."""
    TREE.mkdir()
    machine.run("tar", "-C", str(TREE), "-xf", "/out/source.tar")
    fresh_start()


def install(*words: str) -> subprocess.CompletedProcess[str]:
    """What comes of scripts/install with these options, without a network."""
    command = [str(TREE / "scripts/install"), "--yes", "--wheels", "/cache/wheels", "--no-apt", *words]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=WAIT_S
    )
    print(done.stdout[-3000:], done.stderr[-3000:])
    return done


def version_in_force() -> str:
    return (HOME / "current").readlink().name


def main_pid() -> int:
    return int(shown("MainPID"))


def doctor() -> dict[str, dict[str, str]]:
    """What `conure doctor --json` finds beside the service, by check."""
    done = subprocess.run(
        ["/usr/local/bin/conure", "doctor", "--json"],
        capture_output=True,
        text=True,
        check=False,
        timeout=WAIT_S,
        env=os.environ | {"SSL_CERT_FILE": "/run/hil/ca.pem"},  # as hil.conf has it for the service
    )
    told = json.loads(done.stdout)
    assert done.returncode == told["exit_status"]
    return {finding["check"]: finding for finding in told["findings"]}


def test_a_second_installation_changes_nothing_and_interrupts_nobody() -> None:
    before, version = main_pid(), version_in_force()
    stamp = Path("/tmp/stamp")
    stamp.touch()
    time.sleep(1.1)
    done = install()
    assert done.returncode == 0
    assert "it runs, and nothing has changed" in done.stderr
    assert (main_pid(), version_in_force()) == (before, version)
    folders = ["/etc", "/opt", "/usr", "/var/lib/conure", "/root"]
    newer = machine.run("find", *folders, "-newercm", str(stamp), timeout_s=WAIT_S).split()
    assert newer == []


def test_the_extra_is_there_and_was_kept() -> None:
    """tests/hil/install asked for it; the second installation did not."""
    assert (HOME / "current/extras").read_text() == "wake\n"
    machine.run("/opt/conure/current/bin/python", "-c", "import pymicro_wakeword")


def test_the_doctor_finds_fault_with_what_this_machine_lacks_and_nothing_else() -> None:
    """Nobody speaks into its card, which gives zeros then."""
    found = doctor()
    wrong = {check for check, finding in found.items() if finding["mark"] == "wrong"}
    print(json.dumps(found, indent=1))
    assert wrong == {"microphone sound"}
    assert found["API key"]["found"] == f"in {PLAIN}"
    assert found["systemd service"]["found"].startswith("runs")
    assert found["last failures"]["mark"] == "fine"


def test_with_an_encrypted_key_it_runs_and_there_is_no_other_copy() -> None:
    """systemd-creds encrypts for this machine alone: without a TPM, with a key of its own."""
    done = install("--encrypt-key")
    assert done.returncode == 0
    assert re.search("✓ API key +a systemd credential", done.stdout), (
        "the doctor at the end of it finds the key"
    )
    assert not PLAIN.exists()
    assert KEY.encode() not in ENCRYPTED.read_bytes()
    assert (ENCRYPTED.stat().st_mode & 0o777, ENCRYPTED.stat().st_uid) == (0o600, 0)
    wait_for(lambda: state() == "idle" and is_online(), "idle and online with the encrypted key")
    assert Path("/run/credentials", UNIT, PLAIN.name).read_text().strip() == KEY


def test_an_upgrade_that_does_not_become_ready_goes_back_and_the_service_answers() -> None:
    before = version_in_force()
    put_broken_version()
    done = install()
    assert done.returncode != 0
    assert "did not become READY; going back to" in done.stderr
    assert f"{before} runs again" in done.stderr
    assert version_in_force() == before
    assert (shown("ActiveState"), shown("SubState")) == ("active", "running")
    wait_for(lambda: state() == "idle" and is_online(), "idle and online after the way back")
    count = len(machine.turns())
    Button().tap()
    wait_for(lambda: state() == "listening", "listening")
    speak()
    machine.answered(count)


def put_broken_version() -> None:
    """A version that cannot become READY is built: the one in force, copied, with a fault.

    To build one takes minutes under emulation, and is tried when the machine is made; so it is as if the
    installation had been interrupted right after that.
    """
    module = TREE / "daemon/__init__.py"
    text = module.read_text()
    old = text.split('__version__ = "')[1].split('"')[0]
    module.write_text(text.replace(f'"{old}"', f'"{BROKEN_VERSION}"'))
    name = machine.run("bash", "-euc", NAME_OF_VERSION, timeout_s=WAIT_S)
    current, new = HOME / "versions" / version_in_force(), HOME / "versions" / name
    machine.run("cp", "-a", str(current), str(new), timeout_s=WAIT_S)
    machine.run(
        "bash",
        "-c",
        f"grep -rlIF '{current}' '{new}/bin' '{new}/pyvenv.cfg' | xargs sed -i 's|{current}|{new}|g'",
    )
    (new / "became-ready").unlink()
    (package,) = new.glob("lib/python3*/site-packages/daemon")
    (package / "run/modes.py").write_text('raise RuntimeError("this version is broken")\n')


NAME_OF_VERSION = f"""
source {TREE}/scripts/lib.sh
for part in places files program; do source {TREE}/scripts/install.d/$part.sh; done
WITH=as-before; choose_extras
version_name "$(program_python /cache/wheels)"
"""


def test_the_removal_leaves_what_its_owner_wrote_and_then_nothing() -> None:
    uninstall = TREE / "scripts/uninstall"
    machine.run(str(HOME / "current/scripts/uninstall"), "--yes", timeout_s=WAIT_S)
    assert systemctl("is-active", "--quiet", UNIT) != 0
    assert not (HOME / "versions").exists()
    assert machine.CONFIG.exists()
    assert PLAIN.exists() or ENCRYPTED.exists()
    machine.run(str(uninstall), "--purge", timeout_s=WAIT_S)
    after = set(machine.run("/src/tests/install/trial/manifest", "names", timeout_s=WAIT_S).splitlines())
    before = set(BEFORE.read_text().splitlines())
    assert sorted(line for line in after ^ before if not line.startswith(LEFT_OUT)) == []


LEFT_OUT = (
    "/root", "/out", "/cache", "/src",  # the test's own
    "/var/lib/systemd", "/var/tmp",  # systemd's own, among them the key with which it encrypts
)  # fmt: skip
