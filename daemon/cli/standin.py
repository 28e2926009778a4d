"""`conure standin`: the stand-in Live server alone."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from daemon.cli.arguments import complain, port
from daemon.errors import ConfigError, ConureError


def add(commands: Any) -> None:
    """Add `conure standin`."""
    standin = commands.add_parser("standin", help="run the stand-in Live server alone")
    standin.set_defaults(command=_standin)
    standin.add_argument("--port", type=port, default=0, help="port on 127.0.0.1; 0 takes a free one")
    standin.add_argument(
        "--voice",
        default="echo",
        metavar="NAME",
        help="how it answers: echo, tone, silence, long, none, or a WAV file",
    )
    standin.add_argument("--write-ca", type=Path, metavar="FILE", help="write the certificate to trust here")
    standin.add_argument("--plan", type=Path, metavar="FILE", help="what it does wrong, in TOML")


def _standin(arguments: argparse.Namespace) -> int:
    import asyncio

    from daemon.standin.plan import Plan
    from daemon.standin.run import run_standin
    from daemon.standin.server import StandIn
    from daemon.standin.voices import voice_named

    if not arguments.write_ca:
        complain(["nobody can trust it without its certificate; --write-ca FILE writes that"])

    def tell(standin: StandIn) -> None:
        trust = f"SSL_CERT_FILE={arguments.write_ca} " if arguments.write_ca else ""
        print(f"GOOGLE_GEMINI_BASE_URL={standin.base_url} {trust}GEMINI_API_KEY=any conure run", flush=True)

    try:
        voice = voice_named(arguments.voice)
        plan = Plan.from_toml(arguments.plan.read_text("utf-8")) if arguments.plan else Plan()
    except ValueError as error:  # PlanError and UnicodeDecodeError are ValueErrors
        raise ConfigError(str(error).splitlines()) from error
    except OSError as error:
        raise ConfigError([f"{error.filename}: cannot be read: {error.strerror}"]) from error
    try:
        asyncio.run(run_standin(arguments.port, voice, plan, arguments.write_ca, on_ready=tell))
    except OSError as error:
        raise ConureError(f"the stand-in cannot start: {error.strerror or error}") from error
    return 0
