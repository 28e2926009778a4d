"""What each Live model accepts: a table from the model's name. Pure.

The service closes the session (1007) for a field that the model does not know, so what is not known to
be accepted is not sent. Sources are pages of ai.google.dev/gemini-api/docs, unless another is named.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from fnmatch import fnmatchcase

DEFAULT_MODEL = "gemini-3.8-live"
"""Generally available since 15 September 2026, without a date of shut-down (deprecations page)."""

DEFAULT_SPEECH_MODEL = "gemini-3.8-flash-lite-tts"
"""Speaks a text word for word. Generally available; the faster and cheaper one of the two
(models/gemini-3.8-flash-lite-tts)."""

MAX_SPEECH_TOKENS = 8192
"""Of a text that is to be spoken (the same page)."""

SPEECH_TOKENS_PER_S = 25
"""Of speech, either way (Gemini API guide, tokens)."""

SPEECH_USD = (0.50, 6.00)
"""US dollars for a million tokens of text to the default model, and of speech from it, until the end of 2026;
twice as much from then on (pricing page, November 2026)."""

DEFAULT_ANSWER_MODEL = "gemini-3.5-flash-lite"
"""Answers an utterance in writing, over plain HTTP: it takes sound, calls functions and hardly thinks before
(models/gemini-3.5-flash-lite; latest-model: its thinking level is minimal by default)."""

RESOURCE_PREFIX = "models/"
"""The service names a model `models/NAME`; users may write either."""


class TextInput(Enum):
    """How a turn in writing is sent once a session runs."""

    CLIENT_CONTENT = "client_content"
    REALTIME = "realtime_input"


class Tool(Enum):
    """What a model can be given to use."""

    FUNCTIONS = "functions"
    SEARCH = "search"


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What one family of models accepts. The defaults are those of a name that the table does not know."""

    pattern: str
    """Shell pattern of the names, without `models/`."""
    source: str
    """Where this row is known from."""
    thinking_level: str = ""
    """The level that must be sent (LOW, MEDIUM or HIGH); empty: send none."""
    thinking_budget: int | None = None
    """The budget in tokens that is sent, 0 for no thinking; None: send none."""
    temperature: bool = False
    """Whether a temperature has any effect."""
    max_output_tokens: bool = False
    """Whether a reply may be given a longest length; what the model thinks counts as well."""
    affective_dialog: bool = False
    """Whether `enable_affective_dialog` may be sent."""
    proactivity: bool = False
    """Whether `proactivity` may be sent."""
    tools: tuple[Tool, ...] = ()
    blocking_tools: bool = True
    """Whether the model waits for a function's answer unless its declaration says otherwise."""
    blocking_by_choice: bool = False
    """Whether a declaration may say it (`behavior`)."""
    audio_during_call: bool = True
    """Whether audio may be sent while the model waits for a function; else the session may close (1008:
    autonomous-os #231, livekit agents-js PR #1130)."""
    text_input: TextInput = TextInput.CLIENT_CONTENT
    video: bool = False
    """Whether pictures may be sent (Live API guide, video: JPEG, at most one a second)."""
    media_resolution: str = ""
    """How closely a picture is looked at: LOW is 64 tokens each in place of 256 (Gemini API reference,
    `MediaResolution`); empty: send none."""
    deprecated: str = ""
    """What to tell the user of a model that still answers; empty: nothing."""
    gone: str = ""
    """What to tell the user of a model that cannot be used; empty: it can."""


_BOTH = (Tool.FUNCTIONS, Tool.SEARCH)
_USE_DEFAULT = f"use {DEFAULT_MODEL}"
_SHUT_DOWN = f"was shut down on 9 December 2025; {_USE_DEFAULT}"

TABLE: tuple[Capabilities, ...] = (
    Capabilities(
        DEFAULT_MODEL,
        "models/gemini-3.8-live (migration notes); latest-model: sampling parameters are ignored since 3.6",
        tools=_BOTH,
        max_output_tokens=True,
        video=True,
        media_resolution="LOW",
        blocking_tools=False,
        blocking_by_choice=True,
    ),
    Capabilities(
        "gemini-3.8-live-extended-thinking",
        "live-api/thinking: a level is required; LOW keeps the wait for an answer shortest",
        thinking_level="LOW",
        tools=_BOTH,
        video=True,
        media_resolution="LOW",
        blocking_tools=False,
    ),
    Capabilities(
        "gemini-3.1-flash-live*",
        "models/gemini-3.1-flash-live-preview; livekit #5251: client content is refused within a session",
        temperature=True,
        tools=_BOTH,
        max_output_tokens=True,
        video=True,
        media_resolution="LOW",
        audio_during_call=False,
        text_input=TextInput.REALTIME,
        deprecated=f"is a legacy preview; {_USE_DEFAULT}",
    ),
    Capabilities(
        "gemini-2.5-flash-native-audio-preview-09-2025",
        "python-genai #2117: deprecated on 19 March 2026",
        gone=f"is no longer offered; {_USE_DEFAULT}",
    ),
    Capabilities(
        "gemini-2.5-flash-native-audio-*",
        "live-guide (native audio); measured by users: 0.7 s sooner without thinking",
        thinking_budget=0,
        temperature=True,
        affective_dialog=True,
        proactivity=True,
        tools=_BOTH,
        max_output_tokens=True,
        video=True,
        media_resolution="LOW",
        audio_during_call=False,
        deprecated=f"is deprecated; {_USE_DEFAULT}",
    ),
    Capabilities("gemini-2.0-flash-live*", "deprecations page", gone=_SHUT_DOWN),
    Capabilities("gemini-live-2.5-flash-preview*", "deprecations page", gone=_SHUT_DOWN),
    Capabilities(
        "gemini-2.0-flash*",
        "deprecations page: gemini-2.0-flash and its variants, 1 June 2026",
        gone=f"was shut down on 1 June 2026; {_USE_DEFAULT}",
    ),
    Capabilities(
        "gemini-live-2.5-flash-native-audio",
        "Google Cloud, Gemini Live API overview: offered there only",
        gone=f"is offered on Google Cloud only, which takes no API key; {_USE_DEFAULT}",
    ),
    Capabilities(
        "gemini-*-transcribe-live*", "models page", gone=f"transcribes and does not answer; {_USE_DEFAULT}"
    ),
    Capabilities(
        "gemini-*-live-translate*", "models page", gone=f"translates and does not answer; {_USE_DEFAULT}"
    ),
)
"""In order; the first row whose pattern matches decides."""

UNKNOWN = Capabilities("*", "nothing is known: nothing optional is sent, and it is asked for no tools")

# One name a line would take a page.
# fmt: off
VOICES = (
    "Achernar", "Achird", "Algenib", "Algieba", "Alnilam", "Aoede", "Autonoe", "Callirrhoe", "Charon",
    "Despina", "Enceladus", "Erinome", "Fenrir", "Gacrux", "Iapetus", "Kore", "Laomedeia", "Leda", "Orus",
    "Puck", "Pulcherrima", "Rasalgethi", "Sadachbia", "Sadaltager", "Schedar", "Sulafat", "Umbriel",
    "Vindemiatrix", "Zephyr", "Zubenelgenubi",
)
"""The prebuilt voices (firebase.google.com/docs/ai-logic/live-api/configuration)."""
# fmt: on


def capabilities(model: str) -> Capabilities:
    """What the model accepts; `UNKNOWN` for a name that no row matches. Takes `models/NAME` too."""
    name = model.removeprefix(RESOURCE_PREFIX)
    return next((row for row in TABLE if fnmatchcase(name, row.pattern)), UNKNOWN)


def known_models() -> tuple[str, ...]:
    """Names that can be used and are no patterns, for suggestions."""
    return tuple(row.pattern for row in TABLE if not row.gone and "*" not in row.pattern)
