"""`conure standin`: the stand-in Live server alone."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from daemon.cli.arguments import complain, port
from daemon.cli.usage import near
from daemon.errors import ConfigError, ConureError, UsageError

if TYPE_CHECKING:
    from daemon.standin.plan import Plan
    from daemon.standin.server import StandIn
    from daemon.standin.voices import Voice

ANY_KEY = "any"


def add(commands: Any) -> None:
    """Add `conure standin`."""
    standin = commands.add_parser("standin", help="run the stand-in Live server alone")
    standin.set_defaults(command=_standin)
    standin.add_argument("--port", type=port, default=0, help="port on 127.0.0.1; 0 takes a free one")
    standin.add_argument(
        "--voice",
        default="echo",
        metavar="NAME",
        help="how it answers: echo, tone, silence, long, none, recall, or a WAV file",
    )
    standin.add_argument("--write-ca", type=Path, metavar="FILE", help="write the certificate to trust here")
    standin.add_argument("--plan", type=Path, metavar="FILE", help="what it does wrong, in TOML")
    standin.add_argument(
        "--key",
        action="append",
        default=[],
        help="refuse every API key but this; may be given again (made-up keys: others see a command line)",
    )
    standin.add_argument("--log", action="store_true", help="tell of every step, not only of who is refused")
    standin.add_argument("--record", type=Path, metavar="FILE", help="write all that is said, as JSON lines")


def _standin(arguments: argparse.Namespace) -> int:
    import asyncio

    _check_environment()
    from daemon.standin.run import Telling, run_standin

    if not arguments.write_ca:
        complain(["nobody can trust it without its certificate; --write-ca FILE writes that"])
    voice, plan = _voice_and_plan(arguments)
    telling = Telling(
        ca_file=arguments.write_ca,
        record_file=arguments.record,
        everything=arguments.log,
        on_ready=lambda standin: _tell_how_to_reach(standin, arguments),
        on_line=lambda line: print(line, file=sys.stderr, flush=True),
    )
    try:
        asyncio.run(run_standin(arguments.port, voice, plan, telling, keys=arguments.key))
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise ConureError(f"the stand-in cannot start: {where}{error.strerror or error}") from error
    return 0


def _check_environment() -> None:
    """Before the libraries of the server are imported. Raises ConfigError."""
    from daemon.config.variables import CERTIFICATES, environment_faults

    # Its certificate may be named there already, for those who shall trust it, and is only written now.
    env = {name: value for name, value in os.environ.items() if name != CERTIFICATES}
    if faults := environment_faults(env):
        raise ConfigError(faults)


def _voice_and_plan(arguments: argparse.Namespace) -> tuple[Voice, Plan]:
    from daemon.standin.plan import Plan
    from daemon.standin.voices import VOICES, voice_named

    try:
        plan = Plan.read(arguments.plan) if arguments.plan else Plan()
        if arguments.voice not in VOICES and not arguments.voice.endswith(".wav"):
            hint = near(arguments.voice, list(VOICES)) or f"; there are: {', '.join(VOICES)}"
            raise UsageError(f"there is no voice {arguments.voice!r}{hint}, or the path of a .wav file")
        return voice_named(arguments.voice), plan
    except ValueError as error:
        raise ConfigError(str(error).splitlines()) from error
    except OSError as error:
        raise ConfigError([f"{error.filename}: cannot be read: {error.strerror}"]) from error


def _tell_how_to_reach(standin: StandIn, arguments: argparse.Namespace) -> None:
    key = arguments.key[0] if arguments.key else ANY_KEY
    trust = f"SSL_CERT_FILE={arguments.write_ca} " if arguments.write_ca else ""
    print(f"GOOGLE_GEMINI_BASE_URL={standin.base_url} {trust}GEMINI_API_KEY={key} conure run")
    if arguments.write_ca:
        client = f"new GoogleGenAI({{ apiKey: '{key}', httpOptions: {{ baseUrl: '{standin.base_url}' }} }})"
        print(f"Node: NODE_EXTRA_CA_CERTS={arguments.write_ca}, and {client}")
    sys.stdout.flush()
