"""Which set-ups are accepted: one table of models, and the checks that read it. Pure.

Sources: the model pages of ai.google.dev as of November 2026, and the close reasons that users reported.
What is uncertain is accepted where refusing it could hide a client that is right.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from daemon.standin.protocol import INTERNAL, POLICY, Refusal, invalid, unknown_field

_NO_PROACTIVITY = {"proactivity": unknown_field("proactivity", "setup")}
_NO_AFFECT = {
    "generationConfig.enableAffectiveDialog": unknown_field(
        "enableAffectiveDialog", "setup.generation_config"
    )
}
_NO_THINKING = {"generationConfig.thinkingConfig": invalid("Thinking level is not supported for this model")}


@dataclass(frozen=True, slots=True)
class Model:
    """What one model accepts."""

    versions: frozenset[str]
    """API versions that serve it."""
    refused: Mapping[str, Refusal] = field(default_factory=dict)
    """Fields of the set-up (dotted path) that may not be there, and what is said then."""
    thinking_levels: frozenset[str] = frozenset({"MINIMAL", "LOW", "MEDIUM", "HIGH"})
    thinking_required: bool = False
    text_modality_code: int = 1007
    """All Live models speak only; this is the close code with which they refuse TEXT."""
    tools: frozenset[str] = frozenset({"functionDeclarations", "googleSearch"})
    content_any_time: bool = True
    """Whether `clientContent` is taken after the initial history."""
    context_update: bool = False
    audio_during_tool_call: bool = True
    blocking_tools: bool = True
    """Whether a reply waits for a function whose declaration does not say."""
    behavior: bool = False
    """Whether a declaration may say it."""


_BETA = frozenset({"v1", "v1beta"})
"""Whether the current models are on v1 is uncertain; v1alpha with a plain key is reported as refused."""

MODELS: dict[str, Model] = {
    "gemini-3.8-live": Model(
        _BETA,
        refused=_NO_PROACTIVITY | _NO_AFFECT | _NO_THINKING,
        context_update=True,
        blocking_tools=False,
        behavior=True,
    ),
    "gemini-3.8-live-extended-thinking": Model(
        _BETA,
        refused=_NO_PROACTIVITY | _NO_AFFECT,
        thinking_levels=frozenset({"LOW", "MEDIUM", "HIGH"}),
        thinking_required=True,
        context_update=True,
        blocking_tools=False,
    ),
    "gemini-3.1-flash-live-preview": Model(
        _BETA, refused=_NO_PROACTIVITY | _NO_AFFECT, text_modality_code=INTERNAL, content_any_time=False
    ),
    "gemini-2.5-flash-native-audio-preview-12-2025": Model(
        frozenset({"v1beta", "v1alpha"}), audio_during_tool_call=False
    ),
    "gemini-2.5-flash-native-audio-latest": Model(frozenset({"v1beta"}), audio_during_tool_call=False),
}

VOICE_NAMES = frozenset(
    {
        "Achernar",
        "Achird",
        "Algenib",
        "Algieba",
        "Alnilam",
        "Aoede",
        "Autonoe",
        "Callirrhoe",
        "Charon",
        "Despina",
        "Enceladus",
        "Erinome",
        "Fenrir",
        "Gacrux",
        "Iapetus",
        "Kore",
        "Laomedeia",
        "Leda",
        "Orus",
        "Puck",
        "Pulcherrima",
        "Rasalgethi",
        "Sadachbia",
        "Sadaltager",
        "Schedar",
        "Sulafat",
        "Umbriel",
        "Vindemiatrix",
        "Zephyr",
        "Zubenelgenubi",
    }
)
"""The prebuilt voices (Gemini API guide, speech generation)."""

FUNCTION_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_.:-]{0,63}")
"""Gemini API reference, FunctionDeclaration."""

DEFAULT_SILENCE_MS = 800
"""Silence that ends an utterance in automatic mode (Live API capabilities guide)."""

DEFAULT_SPEECH_MS = 60
"""Speech that starts one; the service does not say its own."""


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

    def waits_for(self, function: str) -> bool:
        """Whether a reply waits for the answer to this call; one that nobody declared is waited for."""
        return self.waits.get(function, True)


def check_setup(body: dict[str, Any], api_version: str) -> Setup:
    """The set-up that `body` (normalised by `protocol.parse`) asks for. Raises Refusal."""
    name = body.get("model", "")
    model = MODELS.get(name.removeprefix("models/")) if name.startswith("models/") else None
    if model is None or api_version not in model.versions:
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
    _check_tools(body, model)
    return _setup(body, name.removeprefix("models/"), model)


def _setup(body: dict[str, Any], name: str, model: Model) -> Setup:
    detection = _get(body, "realtimeInputConfig.automaticActivityDetection") or {}
    handle = _get(body, "sessionResumption.handle")
    return Setup(
        model_name=name,
        model=model,
        manual=detection.get("disabled", False),
        speech_ms=detection.get("prefixPaddingMs", DEFAULT_SPEECH_MS),
        silence_ms=detection.get("silenceDurationMs", DEFAULT_SILENCE_MS),
        low_sensitivity=detection.get("startOfSpeechSensitivity") == "START_SENSITIVITY_LOW",
        interruptible=_get(body, "realtimeInputConfig.activityHandling") != "NO_INTERRUPTION",
        transcribe_input="inputAudioTranscription" in body,
        transcribe_output="outputAudioTranscription" in body,
        resumption="sessionResumption" in body,
        handle=handle or None,
        waits={
            function["name"]: _waits(function, model)
            for tool in body.get("tools", [])
            for function in tool.get("functionDeclarations", [])
        },
        history_first=bool(_get(body, "historyConfig.initialHistoryInClientContent")),
    )


def _check_modalities(body: dict[str, Any], model: Model) -> None:
    modalities = _get(body, "generationConfig.responseModalities") or ["AUDIO"]
    if modalities != ["AUDIO"]:
        raise Refusal(
            model.text_modality_code,
            f"The requested combination of response modalities ({', '.join(modalities)}) is not supported.",
        )


def _check_thinking(body: dict[str, Any], model: Model) -> None:
    level = _get(body, "generationConfig.thinkingConfig.thinkingLevel")
    if level is None and model.thinking_required:
        raise invalid("Thinking level must be specified")
    if level is not None and level not in model.thinking_levels:
        raise invalid("Thinking level is not supported for this model")


def _check_voice(body: dict[str, Any], model_name: str) -> None:
    voice = _get(body, "generationConfig.speechConfig.voiceConfig.prebuiltVoiceConfig.voiceName")
    if voice is not None and voice not in VOICE_NAMES:
        raise invalid(f"Requested voice api_name '{voice}' is not available for model {model_name}")


def _check_tools(body: dict[str, Any], model: Model) -> None:
    asked = {kind for tool in body.get("tools", []) for kind in tool}
    if asked - model.tools:
        raise Refusal(POLICY, "Operation is not implemented, or supported, or enabled.")
    functions = [one for tool in body.get("tools", []) for one in tool.get("functionDeclarations", [])]
    names = [function.get("name", "") for function in functions]
    for name in names:
        if not FUNCTION_NAME.fullmatch(name):
            raise invalid(f"Invalid function name: {name}.")
        if names.count(name) > 1:
            raise invalid(f"Duplicate function declaration found: {name}")
    if not model.behavior and any("behavior" in function for function in functions):
        raise invalid()


def _waits(function: dict[str, Any], model: Model) -> bool:
    behavior = function.get("behavior")
    return model.blocking_tools if behavior is None else behavior == "BLOCKING"


def _get(body: dict[str, Any], path: str) -> Any:
    """The value at a dotted path; None if any step is not there."""
    value: Any = body
    for name in path.split("."):
        if not isinstance(value, dict) or name not in value:
            return None
        value = value[name]
    return value
