"""The file of `conure run --wav-out`, and of the reply that `--once` keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from daemon.config import load
from daemon.errors import ConfigError, ConureError
from daemon.run.options import RunOptions
from daemon.runtime.store import state_folder

REPLY_NAME = "reply.wav"
"""What `--once` keeps the reply as in the state folder, unless told otherwise."""


def with_wav_checked(options: RunOptions, env: Mapping[str, str]) -> RunOptions:
    """The options with a file for what `--once` hears: the one asked for, else a private one.

    Raises ConfigError if it cannot be written: better before a conversation than after it.
    """
    if options.once and options.wav_out is None:
        options = replace(options, wav_out=_private_folder(env) / REPLY_NAME)
    if options.wav_out is not None and (fault := load.target_fault(str(options.wav_out))):
        raise ConfigError([f"{options.wav_out}: {fault}; name another file with --wav-out"])
    return options


def _private_folder(env: Mapping[str, str]) -> Path:
    """The state folder, made if need be. Raises ConfigError."""
    folder = state_folder(env)
    if folder is None:
        raise ConfigError(["without a home directory the reply has no place; name a file with --wav-out"])
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            [f"{folder}: cannot be made: {error.strerror or error}; name a file with --wav-out"]
        ) from error
    return folder


def keep_reply(wav: Path, pcm: bytes) -> None:
    """Write the reply (24 kHz mono s16) and say where it is. Raises ConureError."""
    from hw.simulated.wav import write_wav

    try:
        write_wav(wav, pcm)
    except OSError as error:
        raise ConureError(f"{wav}: the reply cannot be written: {error.strerror or error}") from error
    print(f"The reply is in {wav}.")
