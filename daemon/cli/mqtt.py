"""`conure mqtt`: the speaker at the broker of the house, and how the house forgets it."""

from __future__ import annotations

import argparse
from importlib.util import find_spec
from typing import Any

from daemon.cli.arguments import add_config_option
from daemon.errors import ConfigError


def add(commands: Any) -> None:
    """Add `conure mqtt`, with its action."""
    mqtt = commands.add_parser("mqtt", help="show the speaker to Home Assistant through an MQTT broker")
    mqtt.set_defaults(command=_mqtt)
    add_config_option(mqtt)
    actions = mqtt.add_subparsers(metavar="ACTION")
    forget = actions.add_parser("forget", help="have the broker and Home Assistant forget the speaker")
    forget.set_defaults(command=_forget)
    add_config_option(forget)


def _mqtt(arguments: argparse.Namespace) -> int:
    check_library()
    from daemon.home import run
    from daemon.home.options import HomeOptions

    return run.run(HomeOptions(config=arguments.config))


def _forget(arguments: argparse.Namespace) -> int:
    check_library()
    from daemon.home import run
    from daemon.home.options import HomeOptions

    status = run.forget(HomeOptions(config=arguments.config))
    print("forgotten; while `conure mqtt` or the gateway runs, it is shown again")
    return status


def check_library() -> None:
    """Raises ConfigError where the extra `mqtt` is not installed."""
    if find_spec("aiomqtt") is None:
        raise ConfigError(
            ["there is no aiomqtt: sudo scripts/install --with mqtt, or pip install 'conure[mqtt]'"]
        )
