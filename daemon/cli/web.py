"""`conure web`: the gateway, and who may use it."""

from __future__ import annotations

import argparse
from importlib.util import find_spec
from typing import Any

from daemon.cli.arguments import add_config_option
from daemon.cli.web_access import add_actions
from daemon.errors import ConfigError

LIBRARIES = ("starlette", "uvicorn", "segno", "prometheus_client", "python_multipart", "tomlkit")


def add(commands: Any) -> None:
    """Add `conure web`, with its actions."""
    web = commands.add_parser("web", help="serve the speaker's page and other devices; say who may use it")
    web.set_defaults(command=_web)
    add_config_option(web)
    web.add_argument(
        "--listen",
        action="append",
        default=[],
        metavar="ADDRESS:PORT",
        help="serve the page here, in the place of web.listen; may be given again",
    )
    web.add_argument(
        "--no-speaker", action="store_true", help="there is no speaker beside it: talks and tokens only"
    )
    add_actions(web.add_subparsers(metavar="ACTION"))


def _web(arguments: argparse.Namespace) -> int:
    check_libraries()
    from daemon.web import run
    from daemon.web.options import WebOptions

    return run.run(
        WebOptions(config=arguments.config, listen=tuple(arguments.listen), no_speaker=arguments.no_speaker)
    )


def check_libraries() -> None:
    """Raises ConfigError where the extra `web` is not installed."""
    missing = [name for name in LIBRARIES if find_spec(name) is None]
    if missing:
        raise ConfigError(
            [
                f"the gateway is not installed (there is no {', '.join(missing)}): "
                "sudo scripts/install --with web, or pip install 'conure[web]'"
            ]
        )
