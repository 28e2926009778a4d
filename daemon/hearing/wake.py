"""Finds wake words in the stream. The one module that imports pymicro_wakeword.

The models are small networks that hear 30 ms at a time; several words share the features of the sound. A word
costs about 5 ms of CPU a second (x86). The library is imported when the configuration names a word.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from daemon.config.schema import toml_value
from daemon.config.settings import WakeSettings
from daemon.errors import ConfigError
from hw.base import CHUNK_MS

DOUBTS = {"low": 0.4, "medium": 1.0, "high": 2.5}
"""By how much a model's own doubt (1 less the probability that it demands) is multiplied."""

LEAST_PROBABILITY = 0.5
"""No sensitivity goes below this."""

WARM_UP_CHUNKS = 1000 // CHUNK_MS
"""A model that has heard less than 1 s may take anything for its word; microWakeWord's own firmware waits for
100 features of 10 ms as well (esphome, micro_wake_word)."""

REST_CHUNKS = 1000 // CHUNK_MS
"""After a word it is not heard again for 1 s: a model goes on to be sure while the word fades."""


class WakeWords:
    """Listens for any of some words. Capture thread."""

    def __init__(self, features: Callable[[bytes], list[Any]], models: dict[str, tuple[Any, float]]) -> None:
        """`features` of a chunk; by word, its model (`process_streaming_prob(feature)`) and threshold."""
        self._features = features
        self._models = models
        self._deaf_chunks = WARM_UP_CHUNKS

    def hear(self, chunk: bytes) -> str | None:
        """Take the next chunk of `hw.base.MIC_FORMAT`; returns the word that ended a moment ago, if any."""
        heard = None
        for feature in self._features(chunk):
            for word, (model, threshold) in self._models.items():
                if (model.process_streaming_prob(feature) or 0.0) > threshold:
                    heard = word
        if self._deaf_chunks:
            self._deaf_chunks -= 1
            return None
        if heard is not None:
            self._deaf_chunks = REST_CHUNKS
        return heard


def make_wake_words(settings: WakeSettings) -> WakeWords | None:
    """The configured words, or None where there are none. Raises ConfigError, all mistakes at once."""
    names = settings.words
    if not names:
        return None
    try:
        import pymicro_wakeword
    except (ImportError, OSError) as error:
        raise ConfigError(
            [f"{_key(settings)}: pymicro-wakeword cannot be loaded: {error}; {REMEDY}"]
        ) from error
    models: dict[str, tuple[Any, float]] = {}
    problems: list[str] = []
    for name in names:
        try:
            model = _load(pymicro_wakeword, name)
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            problems.append(f"{_key(settings)}: {name} cannot be used: {error or type(error).__name__}")
            continue
        models[Path(name).stem] = model, threshold_for(model.probability_cutoff, settings.sensitivity)
    if problems:
        raise ConfigError(problems)
    features = pymicro_wakeword.MicroWakeWordFeatures()
    return WakeWords(lambda chunk: list(features.process_streaming(chunk)), models)


REMEDY = "`sudo scripts/install --with wake` (or pip install pymicro-wakeword), or leave wake.words empty"


def threshold_for(cutoff: float, sensitivity: str) -> float:
    """The probability that a word must exceed; `cutoff` is what its model demands by itself."""
    return max(LEAST_PROBABILITY, 1 - (1 - cutoff) * DOUBTS[sensitivity])


def _load(library: Any, name: str) -> Any:
    """A model by the name of one that comes with the library, or by the path of its JSON file."""
    if "/" in name:
        return library.MicroWakeWord.from_config(Path(name).expanduser())
    known = [model.value for model in library.Model]
    if name not in known:
        raise ValueError(f"there are: {', '.join(known)}; or the path of a model's .json file")
    return library.MicroWakeWord.from_builtin(library.Model(name))


def _key(settings: WakeSettings) -> str:
    return f"wake.words = {toml_value(settings.words)}"
