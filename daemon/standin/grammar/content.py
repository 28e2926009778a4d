"""Which requests of `generateContent` are accepted, and by which words the others are refused. Pure.

Sources: `GenerateContentRequest` of the published protos (google-ai-generativelanguage 0.12.1) with what
google-genai 3.6.1 sends beyond it; the model pages; the guides to speech generation, function calling and
thought signatures of ai.google.dev; the migration guide to the 3.8 models of speech.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import Any

from daemon.standin.grammar.models import VOICE_NAMES
from daemon.standin.grammar.protocol import NOT_FOUND, Refusal, invalid, parse_fields
from daemon.standin.grammar.schema import CONTENT_REQUEST
from daemon.standin.grammar.setups import FUNCTION_NAME, words_of
from daemon.standin.voices import HEARD_HZ, RATES_HZ, SAMPLE_BYTES, resample
from hw.files import OddFile, wav_of

INPUT_TOKENS = 8192
"""Of a text to speak (models/gemini-3.8-flash-lite-tts)."""

CHARACTERS_PER_TOKEN = 4
"""Gemini API guide, tokens."""

_LANGUAGE = re.compile(r"[a-zA-Z]{2,3}(-[a-zA-Z0-9]{2,8})*")
"""BCP 47, as far as the service's languages need it."""

_SAMPLING = ("temperature", "topP", "topK")


class ContentTask(Enum):
    """What a model of this method is for."""

    SPEAK = "speak"
    ANSWER = "answer"


CONTENT_MODELS: dict[str, ContentTask] = {
    "gemini-3.8-flash-tts": ContentTask.SPEAK,
    "gemini-3.8-flash-lite-tts": ContentTask.SPEAK,
    "gemini-3.8-flash": ContentTask.ANSWER,
    "gemini-3.5-flash-lite": ContentTask.ANSWER,
}
"""Served on v1 and v1beta."""

VERSIONS = frozenset({"v1", "v1beta"})


@dataclass(frozen=True, slots=True)
class ContentAsked:
    """An accepted request, as far as the stand-in acts on it."""

    model: str
    task: ContentTask
    text: str
    """What is to be spoken; or what the user wrote last, empty where they spoke."""
    heard: bytes = b""
    """What the user said last, 16 kHz; empty where they wrote."""
    voice: str = ""


def check_content(body: bytes, model: str, api_version: str) -> tuple[dict[str, Any], ContentAsked]:
    """The normalised request, and what it asks for. Raises Refusal."""
    task = CONTENT_MODELS.get(model)
    if task is None or api_version not in VERSIONS:
        words = f"models/{model} is not found for API version {api_version}, "
        raise Refusal(NOT_FOUND, words + "or is not supported for generateContent.")
    request = parse_fields(body, CONTENT_REQUEST)
    contents = request.get("contents", [])
    if not contents or not all(one.get("parts") for one in contents):
        raise invalid("* GenerateContentRequest.contents: contents is not specified")
    if any(one.get("role", "user") not in ("user", "model") for one in contents):
        raise invalid("Please use a valid role: user, model.")
    asked = _speech(request, model) if task is ContentTask.SPEAK else _answer(request, model)
    return request, asked


# --- speech ---------------------------------------------------------------------------------------------


def _speech(request: dict[str, Any], model: str) -> ContentAsked:
    generation = request.get("generationConfig", {})
    if generation.get("responseModalities") != ["AUDIO"]:
        raise invalid(f"The requested combination of response modalities is not supported by models/{model}.")
    if any(name in generation for name in _SAMPLING):
        raise invalid()
    if "systemInstruction" in request:
        raise invalid(f"Developer instruction is not enabled for models/{model}")
    if "tools" in request:
        raise invalid("Tool use is not supported for this model.")
    parts = [part for one in request["contents"] for part in one["parts"]]
    if any(set(part) - {"text", "speechMetadata"} for part in parts):
        raise invalid("The model only accepts text.")
    text = " ".join(part.get("text", "") for part in parts).strip()
    if not text or len(text) > INPUT_TOKENS * CHARACTERS_PER_TOKEN:
        raise invalid()
    return ContentAsked(model, ContentTask.SPEAK, text, voice=_voice(generation, model))


def _voice(generation: dict[str, Any], model: str) -> str:
    speech = generation.get("speechConfig", {})
    if not _LANGUAGE.fullmatch(speech.get("languageCode", "en")):
        raise invalid(f"Unsupported language code '{speech['languageCode']}' for model models/{model}")
    config = speech.get("voiceConfig", {})
    voice: str = config.get("prebuiltVoiceConfig", {}).get("voiceName") or config.get("voice", "")
    if voice and voice not in VOICE_NAMES:
        raise invalid(f"Requested voice api_name '{voice}' is not available for model {model}")
    return voice


# --- answers ---------------------------------------------------------------------------------------------


def _answer(request: dict[str, Any], model: str) -> ContentAsked:
    generation = request.get("generationConfig", {})
    if generation.get("responseModalities", ["TEXT"]) != ["TEXT"] or "speechConfig" in generation:
        raise invalid(f"The requested combination of response modalities is not supported by models/{model}.")
    tools = request.get("tools", [])
    functions = [function for tool in tools for function in tool.get("functionDeclarations", [])]
    _check_functions(functions, searches=any("googleSearch" in tool for tool in tools))
    contents = request["contents"]
    if contents[-1].get("role", "user") != "user":
        raise invalid("Please ensure that single turn requests end with a user role.")
    _check_calls(contents)
    said = _last_said(contents)
    heard = b"".join(heard_of(part["inlineData"]) for part in said if "inlineData" in part)
    return ContentAsked(model, ContentTask.ANSWER, words_of({"parts": said}), heard=heard)


def _check_functions(functions: list[dict[str, Any]], *, searches: bool) -> None:
    names = [function.get("name", "") for function in functions]
    for name in names:
        if not FUNCTION_NAME.fullmatch(name):
            raise invalid(f"Invalid function name: {name}.")
        if names.count(name) > 1:
            raise invalid(f"Duplicate function declaration found: {name}")
    if any("behavior" in function for function in functions):
        raise invalid("Function behavior is only supported by BidiGenerateContent.")
    if functions and searches:
        raise invalid("Built-in tools ({google_search}) and Function Calling cannot be combined.")


def _check_calls(contents: list[dict[str, Any]]) -> None:
    """Each call of the model's has its signature, and is answered at once, by its own id."""
    waiting: list[str | None] = []
    for content in contents:
        results = [part["functionResponse"] for part in content["parts"] if "functionResponse" in part]
        if sorted(str(one.get("id")) for one in results) != sorted(map(str, waiting)):
            raise invalid(
                "Please ensure that the number of function response parts is equal to the number of function "
                "call parts of the function call turn."
            )
        calls = [part for part in content["parts"] if "functionCall" in part]
        if calls and not calls[0].get("thoughtSignature"):
            raise invalid("Function call is missing a thought_signature in functionCall parts.")
        waiting = [part["functionCall"].get("id") for part in calls]
    if waiting:
        raise invalid("Please ensure that function call turn is answered.")


def _last_said(contents: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The parts of what the user said last in words or sound."""
    for content in reversed(contents):
        said = [part for part in content["parts"] if "text" in part or "inlineData" in part]
        if said and content.get("role", "user") == "user":
            return said
    return []


def heard_of(blob: dict[str, Any]) -> bytes:
    """The samples of a WAV file at 16 kHz. Raises Refusal for every other kind of data."""
    if blob.get("mimeType") not in ("audio/wav", "audio/x-wav"):
        raise invalid(f"Unsupported MIME type: {blob.get('mimeType', '')}")
    try:
        wav = wav_of(blob.get("data", b""))
    except OddFile as error:
        raise invalid("Request contains an invalid audio file.") from error
    if (wav.channels, wav.sample_bytes) != (1, SAMPLE_BYTES) or not wav.pcm or wav.rate_hz not in RATES_HZ:
        raise invalid("Request contains an invalid audio file.")
    return resample(wav.pcm, wav.rate_hz, HEARD_HZ)
