"""`python -m daemon`, and the entry point of the command `conure`."""

from __future__ import annotations

import signal
import sys

if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    # Until `main` catches it: Ctrl-C among the imports, a second on a small board, shall leave no traceback.
    signal.signal(signal.SIGINT, signal.SIG_DFL)

from daemon.cli.main import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
