"""`/api/pair…`, `/api/devices`, `/api/me`: who is let in, and how one comes in."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from daemon.control.remote.client import SpeakerDoor
from daemon.outside import whole
from daemon.web.api.agents import name_of
from daemon.web.api.answers import Endpoint, as_json, body_of, flag_in, text_in, while_there
from daemon.web.entry import Entry, Listener, Right, Visitor
from daemon.web.gate.desk import Paired, PairingDesk
from daemon.web.gate.devices import Devices, PairedDevice
from daemon.web.gate.gate import COOKIE, Gate
from daemon.web.gate.pairing import CODE_S, link_of, shown
from daemon.web.gate.picture import as_data_address
from daemon.web.gate.refusals import RefusalName, WebRefused

COOKIE_S = 400 * 86_400
"""As long as browsers keep one (RFC 6265bis, section 5.5); the gateway forgets an unused device sooner."""

HIGHEST_NUMBER = 99


class DevicePages:
    """The endpoints."""

    def __init__(self, speaker: SpeakerDoor, gate: Gate, desk: PairingDesk, devices: Devices) -> None:
        self._speaker = speaker
        self._gate = gate
        self._desk = desk
        self._devices = devices

    # --- coming in

    async def enter(self, request: Request) -> Response:
        """By a code."""
        code = text_in(await body_of(request), "code")
        return _let_in(await self._desk.enter(code, _address(request), _name(request)))

    async def press(self, request: Request) -> Response:
        """By a press of the button, for which this waits."""
        number = whole((await body_of(request)).get("number", 0), HIGHEST_NUMBER)
        if number is None:
            raise WebRefused(RefusalName.BAD_BODY, f'"number" must be a whole number to {HIGHEST_NUMBER}.')
        asking = self._desk.ask_press(_address(request), number, _name(request))
        paired = await while_there(asking, request.receive)
        if paired is None:
            raise WebRefused(RefusalName.NOT_PRESSED)
        return _let_in(paired)

    async def new_code(self, request: Request) -> Response:
        """A code for another device, as text, as an address, and as a picture of that address."""
        guest = flag_in(await body_of(request), "guest", usual=False)
        code = await self._desk.new_code(guest=guest)
        address = link_of(f"https://{request.headers['host']}", code)
        answer = {
            "code": shown(code),
            "address": address,
            "qr": as_data_address(address),
            "ends_in_s": CODE_S,
            "guest": guest,
        }
        return as_json(answer, 201)

    # --- who is in

    async def me(self, request: Request) -> Response:
        """Who asks, as the gate sees it."""
        visitor: Visitor = request.state.visitor
        return as_json(
            {
                "visitor": visitor.name,
                "rights": sorted(visitor.rights),
                "paired": visitor.key.startswith("device:"),
                "speaker": self._speaker.present,
                "pairing": not self._desk.is_off,
            }
        )

    async def devices(self, request: Request) -> Response:
        """All that are paired."""
        visitor: Visitor = request.state.visitor
        return as_json({"devices": [_row(device, visitor) for device in self._devices.all()]})

    async def revoke(self, request: Request) -> Response:
        """One that is let in no more; its streams end within a second."""
        gone = await asyncio.to_thread(self._devices.revoke, str(request.path_params["id"]))
        if gone is None:
            raise WebRefused(RefusalName.NOT_HERE, "There is no such device.")
        return as_json({"done": True})


def _let_in(paired: Paired) -> Response:
    device, secret = paired
    answer = as_json({"id": device.id, "name": device.name, "rights": sorted(device.rights)}, 201)
    answer.set_cookie(
        COOKIE, secret, max_age=COOKIE_S, path="/", secure=True, httponly=True, samesite="strict"
    )
    return answer


def _row(device: PairedDevice, visitor: Visitor) -> dict[str, Any]:
    return {
        "id": device.id,
        "name": device.name,
        "guest": bool(device.guest_until_s),
        "paired_at_s": device.paired_at_s or None,
        "seen_at_s": device.seen_at_s or None,
        "ends_at_s": device.guest_until_s or None,
        "this": visitor.key == f"device:{device.id}",
    }


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


def _name(request: Request) -> str:
    return name_of(request.headers.get("user-agent", ""))


def entries(pages: DevicePages) -> list[Entry]:
    """Those that are open to all, and those of a paired device."""
    rows: tuple[tuple[str, str, Right | None, Endpoint], ...] = (
        ("/api/me", "GET", None, pages.me),
        ("/api/pair", "POST", None, pages.enter),
        ("/api/pair/press", "POST", None, pages.press),
        ("/api/pair/new", "POST", Right.PAGE, pages.new_code),
        ("/api/devices", "GET", Right.PAGE, pages.devices),
        ("/api/devices/{id}", "DELETE", Right.PAGE, pages.revoke),
    )
    return [
        Entry(path=path, endpoint=endpoint, methods=frozenset({method}), needs=needs, listeners=_at(path))
        for path, method, needs, endpoint in rows
    ]


def _at(path: str) -> frozenset[Listener]:
    """The page asks who it is, also where it is served to this machine alone: there it may talk."""
    return frozenset({Listener.HTTPS, Listener.LOOPBACK} if path == "/api/me" else {Listener.HTTPS})
