"""Which set-ups are accepted: the checks that read the table of models. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from daemon.standin.grammar.models import MODELS, VOICE_NAMES, Model, Task
from daemon.standin.grammar.protocol import POLICY, Refusal, invalid, unsupported

FUNCTION_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_.:-]{0,63}")
"""Gemini API reference, FunctionDeclaration."""

DEFAULT_SILENCE_MS = 800
"""Silence that ends an utterance in automatic mode (Live API capabilities guide)."""

DEFAULT_SPEECH_MS = 60
"""Speech that starts one; the service does not say its own."""

CONTEXT_TOKENS = 131_072
"""What the models hold (their pages)."""


@dataclass(frozen=True, slots=True)
class Compression:
    """From `trigger_tokens` on the oldest is forgotten, down to `target_tokens` (half of it by default)."""

    trigger_tokens: int
    target_tokens: int


@dataclass(frozen=True, slots=True)
class Setup:
    """An accepted set-up, as far as the stand-in acts on it."""

    model_name: str
    model: Model
    manual: bool
    """Automatic activity detection is disabled: the client opens and closes its turns."""
    speech_ms: int
    silence_ms: int
    low_sensitivity: bool
    interruptible: bool
    transcribe_input: bool
    transcribe_output: bool
    resumption: bool
    handle: str | None
    waits: Mapping[str, bool]
    """The declared functions, and whether a reply waits for each."""
    history_first: bool
    """The first `clientContent` messages are history, up to their `turnComplete`, which is not answered."""
    compression: Compression | None
    instruction: str


def check_setup(body: dict[str, Any], api_version: str, *, constrained: bool = False) -> Setup:
    """The set-up that `body` (normalised by `protocol.parse`) asks for. Raises Refusal.

    `constrained`: it came by an ephemeral token, for which every version serves every model.
    """
    name = body.get("model", "")
    model = MODELS.get(name.removeprefix("models/")) if name.startswith("models/") else None
    if model is None or not (constrained or api_version in model.versions):
        raise Refusal(
            POLICY,
            f"{name or 'models/'} is not found for API version {api_version}, "
            "or is not supported for bidiGenerateContent",
        )
    for path, refusal in model.refused.items():
        if _get(body, path) is not None:
            raise Refusal(refusal.code, refusal.reason)
    _check_modalities(body, model)
    _check_thinking(body, model)
    _check_voice(body, name)
    check_tools(body.get("tools", []), model)
    return _setup(body, name.removeprefix("models/"), model)


def check_tools(tools: list[dict[str, Any]], model: Model) -> None:
    """Whether the model has these tools and takes their declarations. Raises Refusal."""
    if {kind for tool in tools for kind in tool} - model.tools:
        raise unsupported()
    functions = _functions(tools)
    names = [function.get("name", "") for function in functions]
    for name in names:
        if not FUNCTION_NAME.fullmatch(name):
            raise invalid(f"Invalid function name: {name}.")
        if names.count(name) > 1:
            raise invalid(f"Duplicate function declaration found: {name}")
    if {_behavior(function) for function in functions} - model.behaviors - {None}:
        raise invalid()


def waits_of(tools: list[dict[str, Any]], model: Model) -> dict[str, bool]:
    """The declared functions, and whether a reply waits for each."""
    return {function["name"]: _waits(function, model) for function in _functions(tools)}


def words_of(content: dict[str, Any] | None) -> str:
    """The text of a `Content`."""
    return " ".join(part["text"] for part in (content or {}).get("parts", []) if "text" in part)


def _setup(body: dict[str, Any], name: str, model: Model) -> Setup:
    detection = _get(body, "realtimeInputConfig.automaticActivityDetection") or {}
    return Setup(
        model_name=name,
        model=model,
        manual=detection.get("disabled", False),
        speech_ms=_milliseconds(detection, "prefixPaddingMs", DEFAULT_SPEECH_MS),
        silence_ms=_milliseconds(detection, "silenceDurationMs", DEFAULT_SILENCE_MS),
        low_sensitivity=detection.get("startOfSpeechSensitivity") == "START_SENSITIVITY_LOW",
        interruptible=_get(body, "realtimeInputConfig.activityHandling") != "NO_INTERRUPTION",
        transcribe_input="inputAudioTranscription" in body or model.task is Task.TRANSCRIBE,
        transcribe_output="outputAudioTranscription" in body,
        resumption="sessionResumption" in body,
        handle=_get(body, "sessionResumption.handle") or None,
        waits=waits_of(body.get("tools", []), model),
        history_first=bool(_get(body, "historyConfig.initialHistoryInClientContent")),
        compression=_compression(body),
        instruction=words_of(body.get("systemInstruction")),
    )


def _milliseconds(detection: dict[str, Any], name: str, default: int) -> int:
    value: int = detection.get(name, default)
    if value < 0:
        raise invalid()
    return value


def _compression(body: dict[str, Any]) -> Compression | None:
    wanted = body.get("contextWindowCompression")
    if wanted is None:
        return None
    trigger = wanted.get("triggerTokens") or CONTEXT_TOKENS * 8 // 10
    target = _get(wanted, "slidingWindow.targetTokens") or trigger // 2
    if trigger < 0 or target < 0:
        raise invalid()
    return Compression(trigger, min(target, trigger))


def _check_modalities(body: dict[str, Any], model: Model) -> None:
    modalities = _get(body, "generationConfig.responseModalities") or []
    wanted = ["TEXT"] if model.task is Task.TRANSCRIBE else ["AUDIO"]
    if [one for one in modalities if one != "MODALITY_UNSPECIFIED"] not in ([], wanted):
        raise Refusal(
            model.text_modality_code,
            f"The requested combination of response modalities ({', '.join(modalities)}) is not supported.",
        )


def _check_thinking(body: dict[str, Any], model: Model) -> None:
    level = _get(body, "generationConfig.thinkingConfig.thinkingLevel")
    level = None if level == "THINKING_LEVEL_UNSPECIFIED" else level
    if level is None and model.thinking_required:
        raise invalid("Thinking level must be specified")
    if level is not None and level not in model.thinking_levels:
        raise invalid("Thinking level is not supported for this model")


def _check_voice(body: dict[str, Any], model_name: str) -> None:
    voice = _get(body, "generationConfig.speechConfig.voiceConfig.prebuiltVoiceConfig.voiceName")
    if voice is not None and voice not in VOICE_NAMES:
        raise invalid(f"Requested voice api_name '{voice}' is not available for model {model_name}")


def _functions(tools: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [function for tool in tools for function in tool.get("functionDeclarations", [])]


def _behavior(function: dict[str, Any]) -> str | None:
    """What the declaration says; None where it says nothing."""
    behavior: str | None = function.get("behavior")
    return None if behavior == "UNSPECIFIED" else behavior


def _waits(function: dict[str, Any], model: Model) -> bool:
    behavior = _behavior(function)
    return model.blocking_tools if behavior is None else behavior == "BLOCKING"


def _get(body: dict[str, Any], path: str) -> Any:
    """The value at a dotted path; None if any step is not there."""
    value: Any = body
    for name in path.split("."):
        if not isinstance(value, dict) or name not in value:
            return None
        value = value[name]
    return value
