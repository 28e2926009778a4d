"""Where the service's API key lies: systemd's store of credentials, in the clear for root alone or encrypted.

Files and modes are those of the installer (scripts/install.d/key.sh), which decides whether it is encrypted.
A key takes the form of the one that it replaces.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

from daemon.config.load import CREDENTIAL
from daemon.config.secret import Secret
from daemon.errors import ConureError
from daemon.outside import one_line
from daemon.web.wishes.places import beside, write_whole

PLAIN = Path("/etc/credstore") / CREDENTIAL
"""Where `LoadCredential=` looks (systemd.exec)."""
ENCRYPTED = Path("/etc/credstore.encrypted") / CREDENTIAL
"""Where `LoadCredentialEncrypted=` looks, which the installer has put into the service's drop-in."""

MODE = 0o600
ENCRYPTING_S = 30.0
"""systemd-creds takes a second on a small board."""
REASON_CHARS = 200

Encrypt = Callable[[Secret, Path], None]
"""Writes the key, encrypted for this machine, into a new file. Raises OSError and ConureError."""


def encrypt(key: Secret, path: Path) -> None:
    """As `Encrypt`, by systemd-creds, which reads the key from a pipe: it is in no process's arguments."""
    command = ["systemd-creds", "encrypt", f"--name={CREDENTIAL}", "-", str(path)]
    try:
        done = subprocess.run(
            command,
            input=f"{key.reveal()}\n",
            capture_output=True,
            text=True,
            check=False,
            timeout=ENCRYPTING_S,
        )
    except subprocess.TimeoutExpired:
        raise ConureError("systemd-creds does not end") from None  # its cause would hold the pipes
    if done.returncode != 0:
        reason = one_line(key.scrub(done.stderr), REASON_CHARS)
        raise ConureError(f"systemd-creds could not encrypt it: {reason}")


class KeyStore:
    """The key in its place, and beside it, until the speaker runs with the new one, the key of before."""

    def __init__(self, plain: Path = PLAIN, encrypted: Path = ENCRYPTED, encrypt: Encrypt = encrypt) -> None:
        self._plain = plain
        self._encrypted = encrypted
        self._encrypt = encrypt

    def has_one(self) -> bool:
        """Whether there is a key."""
        return _is_filled(self._place)

    def replace(self, key: Secret) -> None:
        """Put the key in its place in one move. Raises OSError and ConureError; the old one then stays."""
        place, new, before = self._place, beside(self._place, ".new"), beside(self._place, ".before")
        new.unlink(missing_ok=True)
        before.unlink(missing_ok=True)
        try:
            self._write(key, new)
            if place.exists():
                os.link(place, before, follow_symlinks=False)
            new.replace(place)
        finally:
            new.unlink(missing_ok=True)

    def put_back(self) -> None:
        """The key of before is the key again, or there is none again. Raises OSError."""
        before = beside(self._place, ".before")
        if before.exists():
            before.replace(self._place)
        else:
            self._place.unlink(missing_ok=True)

    def forget_before(self) -> None:
        """The key of before is no longer needed. Raises OSError."""
        beside(self._place, ".before").unlink(missing_ok=True)

    @property
    def _place(self) -> Path:
        return self._encrypted if _is_filled(self._encrypted) else self._plain

    def _write(self, key: Secret, path: Path) -> None:
        if self._place == self._encrypted:
            self._encrypt(key, path)
            path.chmod(MODE)
        else:
            write_whole(path, f"{key.reveal()}\n", MODE)


def _is_filled(path: Path) -> bool:
    return path.exists() and path.stat().st_size > 0
