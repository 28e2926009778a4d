"""What a demonstration takes, and what it simulates."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from daemon.config.settings import BoardSettings, Settings
from daemon.run.missing import lacking, missing_devices
from hw.base import DeviceError
from hw.sound import library
from hw.sound.cards import CAPTURE, PLAYBACK, DeviceInfo

HEADPHONES = DeviceInfo("bcm2835 Headphones (hw:0,0)", PLAYBACK, "Headphones", default=True)
USB_MIC = DeviceInfo("USB Mic (hw:1,0)", CAPTURE, "Mic", default=True)
SERVER = [DeviceInfo("default", kind, "", default=True) for kind in (CAPTURE, PLAYBACK)]
MIC_LINE = "no microphone can be opened: a simulated one says a sentence whenever you press the space bar"
SPEAKER_LINE = "no speaker can be opened: a simulated one takes what would be played, and nothing is heard"


@pytest.fixture
def there_are(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """PortAudio lists these devices."""

    def put(*devices: DeviceInfo) -> None:
        monkeypatch.setattr(library, "list_devices", lambda: list(devices))

    return put


@pytest.mark.parametrize(
    ("devices", "missing", "lines"),
    [
        ([], {CAPTURE, PLAYBACK}, [MIC_LINE, SPEAKER_LINE]),
        ([HEADPHONES], {CAPTURE}, [MIC_LINE]),
        ([USB_MIC], {PLAYBACK}, [SPEAKER_LINE]),
        ([HEADPHONES, USB_MIC], set(), []),
        (SERVER, set(), []),
    ],
    ids=["nothing", "a Pi's own card", "a microphone alone", "both", "a sound server and no card"],
)
def test_each_of_microphone_and_speaker_is_taken_where_it_is_there_and_simulated_where_not(
    there_are: Callable[..., None], devices: list[DeviceInfo], missing: set[str], lines: list[str]
) -> None:
    there_are(*devices)
    assert missing_devices(Settings(), detected=False) == (frozenset(missing), lines)


def test_the_device_that_the_configuration_means_counts_and_is_named(there_are: Callable[..., None]) -> None:
    there_are(*SERVER)
    board = BoardSettings(name="respeaker-2mic-v2", mic=("seeed2micvoicec", "other"))
    assert lacking(board, SERVER) == {CAPTURE}
    (line,) = missing_devices(Settings(board=board), detected=True)[1]
    assert line.startswith("no microphone seeed2micvoicec|other can be opened: a simulated one")


def test_a_board_that_somebody_named_is_not_simulated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "list_devices", lambda: pytest.fail("nobody need look"))
    assert missing_devices(Settings(board=BoardSettings(name="generic")), detected=False) == (frozenset(), [])


def test_without_a_list_both_are_simulated_and_the_reason_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def list_devices() -> list[DeviceInfo]:
        raise DeviceError("the sound devices", "do not answer")

    monkeypatch.setattr(library, "list_devices", list_devices)
    missing, lines = missing_devices(Settings(), detected=False)
    assert missing == {CAPTURE, PLAYBACK}
    assert lines == ["the sound devices: do not answer", MIC_LINE, SPEAKER_LINE]
