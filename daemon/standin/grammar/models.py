"""The models that the stand-in knows, and what each of them takes: one table. Pure data.

Sources: the model pages of ai.google.dev as of November 2026, and the close reasons that users reported.
What is uncertain is accepted where refusing it could hide a client that is right; `docs/inside/standin.md`
names it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

from daemon.standin.grammar.protocol import INTERNAL, Refusal, invalid, unknown_field


class Task(Enum):
    """What a model is for."""

    ANSWER = "answer"
    TRANSCRIBE = "transcribe"
    """Writes down what it hears and says nothing."""
    TRANSLATE = "translate"


class Chunks(Enum):
    """What becomes of the old `realtimeInput.mediaChunks`."""

    HEARD = "heard"
    REFUSED = "refused"
    IGNORED = "ignored"


_NO_PROACTIVITY = {"proactivity": unknown_field("proactivity", "setup")}
_NO_AFFECT = {
    "generationConfig.enableAffectiveDialog": unknown_field(
        "enableAffectiveDialog", "setup.generation_config"
    )
}
_NO_THINKING = {"generationConfig.thinkingConfig": invalid("Thinking level is not supported for this model")}
_NO_AGENT = {"tools": invalid(), "systemInstruction": invalid()} | _NO_PROACTIVITY | _NO_AFFECT | _NO_THINKING

FUNCTIONS_AND_SEARCH = frozenset({"functionDeclarations", "googleSearch", "googleSearchRetrieval"})
EITHER = frozenset({"BLOCKING", "NON_BLOCKING"})


@dataclass(frozen=True, slots=True)
class Model:
    """What one model accepts."""

    versions: frozenset[str]
    """API versions that serve it."""
    task: Task = Task.ANSWER
    refused: Mapping[str, Refusal] = field(default_factory=dict)
    """Fields of the set-up (dotted path) that may not be there, and what is said then."""
    thinking_levels: frozenset[str] = frozenset({"MINIMAL", "LOW", "MEDIUM", "HIGH"})
    thinking_required: bool = False
    text_modality_code: int = 1007
    """The close code with which TEXT is refused by those that speak."""
    tools: frozenset[str] = FUNCTIONS_AND_SEARCH
    content_any_time: bool = True
    """Whether `clientContent` is taken after the initial history; `Service.content_on_3_1` may allow it."""
    context_update: bool = False
    audio_during_tool_call: bool = True
    """The same for audio while a call waits for its answer (`Service.audio_in_call_on_2_5`)."""
    blocking_tools: bool = True
    """Whether a reply waits for a function whose declaration does not say."""
    behaviors: frozenset[str] = EITHER
    """What a declaration may say of it."""
    media_chunks: Chunks = Chunks.IGNORED
    combines: bool = True
    """Whether one message may hold several contents."""


_BETA = frozenset({"v1", "v1beta"})
"""Whether the current models are on v1 is uncertain; v1alpha with a plain key is reported as refused."""

_OLDER = Model(
    frozenset({"v1beta", "v1alpha"}),
    audio_during_tool_call=False,
    media_chunks=Chunks.HEARD,
    combines=False,
)

MODELS: dict[str, Model] = {
    "gemini-3.8-live": Model(
        _BETA,
        refused=_NO_PROACTIVITY | _NO_AFFECT | _NO_THINKING,
        context_update=True,
        blocking_tools=False,
    ),
    "gemini-3.8-live-extended-thinking": Model(
        _BETA,
        refused=_NO_PROACTIVITY | _NO_AFFECT,
        thinking_levels=frozenset({"LOW", "MEDIUM", "HIGH"}),
        thinking_required=True,
        context_update=True,
        blocking_tools=False,
        behaviors=frozenset({"NON_BLOCKING"}),
    ),
    "gemini-3.1-flash-live-preview": Model(
        _BETA,
        refused=_NO_PROACTIVITY | _NO_AFFECT,
        text_modality_code=INTERNAL,
        content_any_time=False,
        behaviors=frozenset({"BLOCKING"}),
        media_chunks=Chunks.REFUSED,
    ),
    "gemini-3.5-transcribe-live": Model(
        _BETA, task=Task.TRANSCRIBE, refused=_NO_AGENT, content_any_time=False
    ),
    "gemini-3.5-live-translate-preview": Model(
        _BETA, task=Task.TRANSLATE, refused=_NO_AGENT, content_any_time=False
    ),
    "gemini-2.5-flash-native-audio-preview-12-2025": _OLDER,
    "gemini-2.5-flash-native-audio-latest": replace(_OLDER, versions=frozenset({"v1beta"})),
}

_VOICES = (
    "Achernar Achird Algenib Algieba Alnilam Aoede Autonoe Callirrhoe Charon Despina Enceladus Erinome "
    "Fenrir Gacrux Iapetus Kore Laomedeia Leda Orus Puck Pulcherrima Rasalgethi Sadachbia Sadaltager Schedar "
    "Sulafat Umbriel Vindemiatrix Zephyr Zubenelgenubi"
)
VOICE_NAMES = frozenset(_VOICES.split())
"""The prebuilt voices (Gemini API guide, speech generation)."""
