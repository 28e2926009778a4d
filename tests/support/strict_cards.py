"""Sound cards as narrow as real ones, over a private PulseAudio: see `strict_card/strict_card.c`.

ALSA's own plug-ins make devices for two of the four narrownesses only (`multi`: the number of channels;
`share`: the type of sample, and it does not work over PulseAudio), and none that can be pulled.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pulse import MIC_DEVICE, SPEAKER_DEVICE, PrivatePulse, Recorder

SOURCE = Path(__file__).parent / "strict_card" / "strict_card.c"


@dataclass(frozen=True, slots=True)
class Narrow:
    """The one form that a card takes."""

    rate_hz: int
    channels: int
    sample: str


CARDS = {
    "only_48k": Narrow(48_000, 1, "S16_LE"),
    "only_stereo": Narrow(48_000, 2, "S16_LE"),
    "only_s32": Narrow(48_000, 2, "S32_LE"),
    "only_44k": Narrow(44_100, 2, "S32_LE"),
    "own_rate": Narrow(16_000, 2, "S16_LE"),
    "six_channels": Narrow(48_000, 6, "S16_LE"),
}
"""Each is there as NAME_mic and as NAME_speaker."""

SIX_MAP = "front-left,front-right,rear-left,rear-right,front-center,lfe"
"""In which order ALSA counts six channels; PulseAudio has another, and would mix them."""

SIX_SINK = "six_sink"
"""What is played into it is heard by `six_channels_mic`, each channel by its own."""


@dataclass(frozen=True, slots=True)
class StrictCards:
    """The cards are there; `pull` takes all of them away at once."""

    plugged: Path

    def pull(self) -> None:
        """As if their USB plug were pulled."""
        self.plugged.unlink()

    def plug(self) -> None:
        """As if it were back."""
        self.plugged.touch()


def build(folder: Path) -> Path:
    """Compile the plug-in. Skips where there is no compiler, or ALSA's headers are missing."""
    library = folder / "strict_card.so"
    if shutil.which("cc") is None or not Path("/usr/include/alsa/asoundlib.h").exists():
        pytest.skip("not installed: cc, or libasound2-dev")
    command = ["cc", "-shared", "-fPIC", "-DPIC", "-Wall", "-Wextra", "-Werror", "-O1", "-o", str(library)]
    subprocess.run([*command, str(SOURCE), "-lasound"], check=True)
    return library


@pytest.fixture(scope="module")
def strict_cards(pulse: PrivatePulse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StrictCards]:
    """The cards of CARDS, over the server's sinks."""
    folder = tmp_path_factory.mktemp("strict")
    cards = StrictCards(folder / "plugged")
    cards.plug()
    asoundrc = pulse.folder / ".asoundrc"
    before = asoundrc.read_text("utf-8")
    form = f"sink_name={SIX_SINK} rate=48000 channels=6 channel_map={SIX_MAP}"
    loaded = subprocess.run(
        ["pactl", "load-module", "module-null-sink", *form.split()],
        env=pulse.process_environment, capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    regular = Recorder(pulse, SIX_SINK)
    pulse.set_pace(SIX_SINK)
    regular.wait_until_regular()
    asoundrc.write_text(before + definitions(build(folder), cards.plugged), "utf-8")
    yield cards
    asoundrc.write_text(before, "utf-8")
    regular.close()
    unload = ["pactl", "unload-module", loaded]
    subprocess.run(unload, env=pulse.process_environment, capture_output=True, check=False)


def definitions(library: Path, plugged: Path) -> str:
    """What makes the cards, in ALSA's language."""
    lines = [
        f'pcm_type.strict {{ lib "{library}" }}',
        f'pcm.beneath_six {{ type pulse device "{SIX_SINK}.monitor" }}',
    ]
    for name, narrow in CARDS.items():
        heard = "beneath_six" if narrow.channels == 6 else MIC_DEVICE
        lines += [
            f"pcm.{name}_{suffix} {{ type strict slave {slave} rate {narrow.rate_hz} "
            f'channels {narrow.channels} format {narrow.sample} plugged "{plugged}" }}'
            for suffix, slave in (("mic", heard), ("speaker", SPEAKER_DEVICE))
        ]
    return "\n".join(lines) + "\n"
