"""`python -m daemon`, and the entry point of the command `conure`."""

from __future__ import annotations

import sys

from daemon.cli import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
