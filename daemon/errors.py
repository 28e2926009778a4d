"""The exceptions of the daemon, each with what its user should do.

    ConureError
    ├── ConfigError        the configuration or the key cannot work: exit status 78 (EX_CONFIG)
    ├── AlreadyRunning     another daemon holds the control socket
    ├── ControlError       the running daemon cannot be reached or refused a command
    ├── UsageError         a word on the command line has no meaning: exit status 2
    └── LinkError          connecting, sending or receiving failed; carries a `session.failures.Failure`
    IllegalTransition      a pair that a state table does not name: a bug

Device errors are `hw.base.DeviceError` and its children: `hw` knows nothing of this package.
"""

from __future__ import annotations

from daemon.masking import mask_keys

EX_CONFIG = 78
"""sysexits.h EX_CONFIG; the unit has it in RestartPreventExitStatus=, for trying again cannot help."""


class ConureError(Exception):
    """Base of everything that is shown to a user as one clear line, without a traceback."""


class ConfigError(ConureError):
    """The configuration cannot be used. `problems` holds one line for each mistake, all of them.

    A key that was put where it does not belong is masked.
    """

    def __init__(self, problems: list[str]) -> None:
        self.problems = [mask_keys(problem) for problem in problems]
        super().__init__("\n".join(self.problems))


class AlreadyRunning(ConureError):
    """Another daemon answers on the control socket."""


class ControlError(ConureError):
    """The running daemon cannot be reached, or it refused the command."""


class UsageError(ConureError):
    """A word on the command line has no meaning: exit status 2, as for what argparse itself refuses.

    The unit does not start the service again for it either.
    """


class IllegalTransition(RuntimeError):
    """A state table has no row for this state and event: a bug in the table or its caller."""
