"""Pairs devices: by a code, or by a press of the speaker's button. Event loop only.

The table in `pairing.py` decides; this keeps the files, asks for the light, and waits for a press.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncGenerator, Callable
from typing import Any

from daemon.control.remote.client import Note, SpeakerDoor
from daemon.errors import ControlError
from daemon.web.gate.codes import CodeFile
from daemon.web.gate.devices import Devices, PairedDevice
from daemon.web.gate.pairing import PRESS_S, Pairing
from daemon.web.gate.refusals import RefusalName, WebRefused

log = logging.getLogger(__name__)

Paired = tuple[PairedDevice, str]
"""The device, and the secret that it has to show."""


class PairingDesk:
    """Where one asks to be let in."""

    def __init__(
        self,
        speaker: SpeakerDoor,
        devices: Devices,
        codes: CodeFile,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._speaker = speaker
        self._devices = devices
        self._codes = codes
        self._clock = clock
        self._pairing = Pairing()
        self._contested = asyncio.Event()

    @property
    def is_off(self) -> bool:
        """Whether there were too many attempts."""
        return self._known().is_off

    async def new_code(self, *, guest: bool) -> str:
        """A code for another device. Raises WebRefused, and ConureError if it cannot be kept."""
        if guest:
            self._devices.check_guest()
        return await asyncio.to_thread(self._codes.make, guest=guest)

    async def enter(self, typed: str, address: str, name: str) -> Paired:
        """Pair by a code. Raises WebRefused, ConureError."""
        pairing, now_s = self._known(), self._clock()
        found = pairing.enter(typed, address, now_s)
        if isinstance(found, RefusalName):
            level = logging.WARNING if found is RefusalName.WRONG_CODE else logging.DEBUG  # of these come few
            log.log(level, "a code from %s was not taken: %s", address, found)
            raise WebRefused(found, retry_after_s=pairing.waits_s(address, now_s) or None)
        if not await asyncio.to_thread(self._codes.use_up, found):
            raise WebRefused(RefusalName.WRONG_CODE)
        return await self._pair(name, address, guest=found.guest)

    async def ask_press(self, address: str, number: int, name: str) -> Paired:
        """Pair by a press. Raises WebRefused, and ConureError, also where the speaker cannot ask for one.

        Cancelled, it has the light ended; until the time is over nobody else may ask, for whoever comes to
        press comes for the one who asked first.
        """
        pairing, now_s = self._known(), self._clock()
        refusal = pairing.ask_press(address, now_s)
        if refusal is RefusalName.PRESS_BUSY:
            self._contested.set()
        if refusal is not None:
            raise WebRefused(refusal, retry_after_s=pairing.waits_s(address, now_s) or None)
        self._contested.clear()
        log.warning(
            "somebody at %s asks to be let in, and shows the number %d: press the button", address, number
        )
        await self._wait_for_press(pairing)
        if (refusal := pairing.pressed(self._clock())) is not None:
            raise WebRefused(refusal)
        return await self._pair(name, address, guest=False)

    async def _wait_for_press(self, pairing: Pairing) -> None:
        """Raises WebRefused if nobody presses, or somebody else asks."""
        async with contextlib.aclosing(self._speaker.notes()) as notes:
            await anext(notes)  # from here on no note is missed
            window = await self._asked_for_press(pairing)
            press = asyncio.ensure_future(_press_of(window, notes))
            other = asyncio.ensure_future(self._contested.wait())
            try:
                await asyncio.wait({press, other}, timeout=PRESS_S, return_when=asyncio.FIRST_COMPLETED)
                pressed = press.done() and not press.cancelled() and press.result()
            finally:
                await _ended(press, other)
                await self._light_off()
        if not pressed:
            contested = pairing.is_contested
            raise WebRefused(RefusalName.PRESS_BUSY if contested else RefusalName.NOT_PRESSED)

    async def _asked_for_press(self, pairing: Pairing) -> int:
        try:
            answer = await self._speaker.ask("pair", seconds=PRESS_S)
        except ControlError:
            pairing.withdraw()
            raise
        return int(answer["id"])

    async def _light_off(self) -> None:
        with contextlib.suppress(ControlError):  # it is off by itself a little later
            await self._speaker.ask("pair", seconds=0)

    async def _pair(self, name: str, address: str, *, guest: bool) -> Paired:
        device, secret = await asyncio.to_thread(self._devices.pair, name, guest=guest)
        log.warning("paired: %s at %s, as %s%s", device.name, address, device.id, " (guest)" if guest else "")
        return device, secret

    def _known(self) -> Pairing:
        found = self._codes.read()
        self._pairing.know(found.codes, found.opened)
        return self._pairing


async def _press_of(window: int, notes: AsyncGenerator[Note]) -> bool:
    """Whether the button was pressed while the light asked for it."""
    async for note in notes:
        if note.get("event") == "pair" and note.get("id") == window:
            return note.get("pressed") is True
    return False


async def _ended(*tasks: asyncio.Future[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
