"""Makes the gateway's certificates in a process of its own: their library takes 13 MB, and stays once loaded.

The process is `python -m daemon.web.door.certify FOLDER NAME ADDRESS…`; what keeps it from its work it prints
to its standard output, a line each.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from ipaddress import ip_address
from pathlib import Path

from daemon.errors import EX_CONFIG, ConfigError
from daemon.runtime import logs
from daemon.web.door.certificates import OwnCertificates
from daemon.web.door.names import Address

MAKE_S = 60.0
"""Half a second on a PC; some five on the smallest board, more where it has just started."""

HANDED_ON = ("PATH", "HOME", "LANG", "LD_LIBRARY_PATH", "PYTHONPATH", "JOURNAL_STREAM")
"""Of the environment. The API key, which may stand there, is none of its business."""


def certify_aside(folder: Path, name: str, addresses: tuple[Address, ...]) -> None:
    """Have the leaf in `folder` be one for the name and these addresses. Blocks. Raises ConfigError."""
    command = [sys.executable, "-m", __name__, str(folder), name, *map(str, addresses)]
    environment = {name: os.environ[name] for name in HANDED_ON if name in os.environ}
    try:
        done = subprocess.run(
            command, stdout=subprocess.PIPE, text=True, env=environment, timeout=MAKE_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ConfigError([f"there would be no TLS: no certificate could be made: {error}"]) from error
    if done.returncode != 0:
        raise ConfigError(done.stdout.splitlines() or ["no certificate could be made (see above)"])


def main(arguments: Sequence[str]) -> int:
    """Make what is missing; the exit status."""
    folder, name, *addresses = arguments
    logs.configure("info")
    try:
        OwnCertificates(Path(folder), name).leaf(tuple(map(ip_address, addresses)))
    except ConfigError as error:
        sys.stdout.write("\n".join(error.problems))
        return EX_CONFIG
    finally:
        logs.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
