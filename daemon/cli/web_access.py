"""`conure web pair`, `devices`, `revoke`, `token`: who may use the gateway. They work on its files."""

from __future__ import annotations

import argparse
import os
import socket
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from daemon.cli.arguments import complain, shows_pictures, to_json
from daemon.cli.text.layout import table, terminal_width
from daemon.errors import ConureError

if TYPE_CHECKING:
    from daemon.web.gate.devices import PairedDevice
    from daemon.web.gate.tokens import GatewayToken

MINUTE_S = 60


def add_actions(actions: Any) -> None:
    """Add them to the actions of `conure web`."""
    pair = actions.add_parser("pair", help="let a browser in: an address, a code, and both as a picture")
    pair.set_defaults(command=_pair)
    pair.add_argument("--guest", action="store_true", help="for a day, and for talking alone")
    pair.add_argument("--address", metavar="HOST[:PORT]", help="another address than the one found")
    devices = actions.add_parser("devices", help="list the browsers and the tokens that are let in")
    devices.set_defaults(command=_devices)
    devices.add_argument("--json", action="store_true", help="as JSON")
    revoke = actions.add_parser("revoke", help="let a browser or a token in no more")
    revoke.set_defaults(command=_revoke)
    revoke.add_argument("which", metavar="WHICH", help="the id of a browser, the name of a token, or all")
    token = actions.add_parser("token", help="make a token for a program; it is shown once")
    token.set_defaults(command=_token)
    token.add_argument(
        "name", metavar="NAME", help="small letters, digits and hyphens; replaces one of this name"
    )
    token.add_argument(
        "--for",
        dest="rights",
        required=True,
        metavar="RIGHTS",
        help="such as talk,metrics: talk, metrics, tokens, page",
    )


def _folder() -> Path:
    """The gateway's files, to be read and written as their owner. Raises ConureError."""
    from daemon.web.gate.places import become_owner, web_folder

    folder = web_folder(os.environ)
    become_owner(folder)
    return folder


def _pair(arguments: argparse.Namespace) -> int:
    from daemon.web.gate.codes import CodeFile
    from daemon.web.gate.pairing import CODE_S, link_of, shown
    from daemon.web.gate.places import read_whereabouts

    folder = _folder()
    found = read_whereabouts(folder)
    code = CodeFile(folder).make(guest=arguments.guest, by_terminal=True)
    link = link_of(f"https://{arguments.address or _address(found.port)}", code)
    if shows_pictures(sys.stdout):
        _show_picture(link)
    print(f"address:  {link}\ncode:     {shown(code)}")
    if found.fingerprint:
        print(f"the certificate's fingerprint (SHA-256):  {found.fingerprint}")
    print(f"good for {CODE_S / MINUTE_S:g} minutes, once{', for a guest' if arguments.guest else ''}")
    if not found.port:
        complain(["the gateway has not run here yet; start it with `conure web`"])
    return 0


def _show_picture(link: str) -> None:
    try:
        from daemon.web.gate.picture import show_in_terminal
    except ImportError as error:
        raise ConureError("the gateway is not installed: install with `--with web`") from error
    show_in_terminal(link, sys.stdout)


USUAL_PORT = 8443
HTTPS_PORT = 443


def _address(port: int) -> str:
    port = port or USUAL_PORT
    host = _own_address()
    return host if port == HTTPS_PORT else f"{host}:{port}"


def _own_address() -> str:
    """The address of this machine on its network: a phone may know no names. Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # RFC 5737: nobody's; only the route is looked up
        except OSError:
            return f"{socket.gethostname()}.local"
        return str(probe.getsockname()[0])


def _devices(arguments: argparse.Namespace) -> int:
    from daemon.web.gate.devices import Devices
    from daemon.web.gate.tokens import GatewayTokens

    folder = _folder()
    devices, tokens = Devices(folder).all(), GatewayTokens(folder).all()
    if arguments.json:
        print(
            to_json({"devices": list(map(_row, devices)), "tokens": list(map(_token_row, tokens))}, indent=2)
        )
        return 0
    print(
        table(_HEAD, [*map(_cells, devices)], terminal_width(sys.stdout))
        if devices
        else "no device is paired; `conure web pair` lets one in"
    )
    for token in tokens:
        print(f"token {token.name}: {', '.join(sorted(token.rights))}")
    return 0


_HEAD = ["id", "name", "may", "paired", "seen"]


def _cells(device: PairedDevice) -> list[str]:
    may = "all" if not device.guest_until_s else f"talk, until {_day(device.guest_until_s)}"
    return [device.id, device.name, may, _day(device.paired_at_s), _day(device.seen_at_s)]


def _day(at_s: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(at_s)) if at_s else "unknown"


def _row(device: PairedDevice) -> dict[str, Any]:
    return {
        "id": device.id,
        "name": device.name,
        "rights": sorted(device.rights),
        "paired_at_s": device.paired_at_s or None,
        "seen_at_s": device.seen_at_s or None,
    }


def _token_row(token: GatewayToken) -> dict[str, Any]:
    return {"name": token.name, "rights": sorted(token.rights)}


def _revoke(arguments: argparse.Namespace) -> int:
    from daemon.web.gate.devices import Devices
    from daemon.web.gate.tokens import GatewayTokens

    folder = _folder()
    devices, tokens = Devices(folder), GatewayTokens(folder)
    everything = arguments.which == "all"
    ids = [one.id for one in devices.all() if everything or one.id == arguments.which]
    names = [one.name for one in tokens.all() if everything or one.name == arguments.which]
    if not ids and not names and not everything:
        raise ConureError(f"there is no device or token {arguments.which}; `conure web devices` lists them")
    for device_id in ids:
        devices.revoke(device_id)
    for name in names:
        tokens.revoke(name)
    print(f"revoked: {', '.join([*ids, *names]) or 'there was nothing to revoke'}")
    return 0


def _token(arguments: argparse.Namespace) -> int:
    from daemon.web.gate.tokens import GatewayTokens, rights_of

    rights = rights_of(arguments.rights)
    print(GatewayTokens(_folder()).make(arguments.name, rights))
    complain(["this is shown once; send it as `Authorization: Bearer …`"])
    return 0
