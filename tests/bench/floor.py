"""The floor: open PyAudio, send everything, play everything. What any client costs at the least.

`python -m bench.floor URL CA_FILE MIC SPEAKER` with the key in the environment. It does not reconnect,
handles no errors, and leaves it to the server to find the ends of turns.
"""

from __future__ import annotations

import base64
import json
import os
import queue
import ssl
import sys
import threading
from typing import Any

from websockets.sync.client import ClientConnection, connect

CHUNK_FRAMES = 320
PIECE_BYTES = 960
"""20 ms each, up (16 kHz) and down (24 kHz)."""

SETUP: dict[str, Any] = {
    "setup": {
        "model": "models/gemini-3.8-live",
        "generationConfig": {"responseModalities": ["AUDIO"]},
        "realtimeInputConfig": {"automaticActivityDetection": {"silenceDurationMs": 700}},
    }
}


def main(url: str, ca_file: str, mic_name: str, speaker_name: str) -> None:
    """Talk until killed."""
    import pyaudio

    audio = pyaudio.PyAudio()
    rates: dict[str, Any] = {"format": pyaudio.paInt16, "channels": 1}
    indices = {audio.get_device_info_by_index(at)["name"]: at for at in range(audio.get_device_count())}
    mic = audio.open(
        rate=16_000, input=True, input_device_index=indices[mic_name], frames_per_buffer=CHUNK_FRAMES, **rates
    )
    speaker = audio.open(
        rate=24_000,
        output=True,
        output_device_index=indices[speaker_name],
        frames_per_buffer=PIECE_BYTES // 2,
        **rates,
    )
    headers = {"x-goog-api-key": os.environ["GEMINI_API_KEY"]}
    trust = ssl.create_default_context(cafile=ca_file)
    replies: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    with connect(url, ssl=trust, additional_headers=headers, compression=None, max_size=None) as websocket:
        websocket.send(json.dumps(SETUP))
        websocket.recv()
        threading.Thread(target=send, args=(mic, websocket), daemon=True).start()
        threading.Thread(target=play, args=(speaker, replies), daemon=True).start()
        for message in websocket:
            take(json.loads(message).get("serverContent", {}), replies)


def send(mic: Any, websocket: ClientConnection) -> None:
    """Everything that is heard."""
    while True:
        pcm = mic.read(CHUNK_FRAMES, exception_on_overflow=False)
        audio = {"data": base64.b64encode(pcm).decode(), "mimeType": "audio/pcm;rate=16000"}
        websocket.send(json.dumps({"realtimeInput": {"audio": audio}}))


def take(content: dict[str, Any], replies: queue.SimpleQueue[bytes]) -> None:
    """Queue what is said; forget it when the server was interrupted."""
    if content.get("interrupted"):
        while not replies.empty():
            replies.get()
    for part in content.get("modelTurn", {}).get("parts", []):
        pcm = base64.b64decode(part["inlineData"]["data"])
        for start in range(0, len(pcm), PIECE_BYTES):
            replies.put(pcm[start : start + PIECE_BYTES])


def play(speaker: Any, replies: queue.SimpleQueue[bytes]) -> None:
    """Everything that is said."""
    while True:
        speaker.write(replies.get())


if __name__ == "__main__":
    main(*sys.argv[1:])
