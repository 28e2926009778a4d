"""The grammar of what a client may say: every message of BidiGenerateContent, field by field. Pure data.

Sources: the published protos (`google/ai/generativelanguage/v1beta`, as in google-ai-generativelanguage
0.12.1), and beyond them what google-genai 3.6.1 sends to the Developer API (`_live_converters.py`). Fields
that the SDK keeps for Vertex (`transparent`, `explicitVadSignal`, `displayName` …) are not there.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any


class Leaf(Enum):
    """A value without fields of its own."""

    TEXT = "string"
    FLAG = "bool"
    INT32 = "int32"
    INT64 = "int64"
    NUMBER = "float"
    BYTES = "bytes"
    DURATION = "duration"
    TIME = "timestamp"
    STRUCT = "struct"
    FREE = "anything: a value or a JSON schema"


@dataclass(frozen=True, slots=True)
class MapOf:
    """A map from any name to values of this kind."""

    value: Any


@dataclass(frozen=True, slots=True)
class EnumValues:
    """An enum: its values in the order of their numbers, of which 0 says nothing."""

    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OneOf:
    """A message of which at most one field of `group` may be set; `name` is the group's own in the proto."""

    name: str
    group: frozenset[str]
    fields: dict[str, Any]


def _choice(prefix: str, values: str) -> EnumValues:
    """An enum whose first value is `PREFIX_UNSPECIFIED`."""
    return EnumValues((f"{prefix}_UNSPECIFIED", *values.split()))


def _prefixed(prefix: str, values: str) -> EnumValues:
    """The same where each value has the prefix."""
    return _choice(prefix, " ".join(f"{prefix}_{value}" for value in values.split()))


EMPTY: dict[str, Any] = {}
BLOB = {"data": Leaf.BYTES, "mimeType": Leaf.TEXT}
SCHEDULING = _choice("SCHEDULING", "SILENT WHEN_IDLE INTERRUPT")
BEHAVIOR = EnumValues(("UNSPECIFIED", "BLOCKING", "NON_BLOCKING"))
MEDIA_RESOLUTION = _prefixed("MEDIA_RESOLUTION", "LOW MEDIUM HIGH")
_PART_RESOLUTION = {
    "level": _prefixed("MEDIA_RESOLUTION", "LOW MEDIUM HIGH ULTRA_HIGH"),
    "numTokens": Leaf.INT32,
}
_MEDIA_PROCESSING = _choice("MEDIA_PROCESSING", "STATIC AGENTIC")
_FILE_DATA = {"mimeType": Leaf.TEXT, "fileUri": Leaf.TEXT}
_VIDEO_METADATA = {
    "startOffset": Leaf.DURATION,
    "endOffset": Leaf.DURATION,
    "fps": Leaf.NUMBER,
    "contentLayers": [_choice("CONTENT_LAYER", "FRAMES AUDIO TRANSCRIPT")],
}
_METADATA = {
    "videoMetadata": _VIDEO_METADATA,
    "audioMetadata": {"startOffset": Leaf.DURATION, "endOffset": Leaf.DURATION},
    "documentMetadata": {
        "startPage": Leaf.INT32,
        "endPage": Leaf.INT32,
        "contentLayers": [_choice("CONTENT_LAYER", "PAGE_IMAGE PAGE_TEXT")],
    },
    "spreadsheetMetadata": {
        "visibleCells": Leaf.TEXT,
        "sheetIndex": Leaf.INT32,
        "contentLayers": [_choice("CONTENT_LAYER", "DATA FORMULAS VISUAL")],
    },
    "mediaProcessing": _MEDIA_PROCESSING,
    "mediaResolution": _PART_RESOLUTION,
}
FUNCTION_RESPONSE = {
    "id": Leaf.TEXT,
    "name": Leaf.TEXT,
    "response": Leaf.STRUCT,
    "willContinue": Leaf.FLAG,
    "scheduling": SCHEDULING,
    "parts": [
        OneOf(
            "data",
            frozenset({"inlineData", "fileData"}),
            {"inlineData": BLOB, "fileData": _FILE_DATA, **_METADATA},
        )
    ],
}
_TOOL_TYPE = _choice(
    "TOOL_TYPE",
    "GOOGLE_SEARCH_WEB GOOGLE_SEARCH_IMAGE URL_CONTEXT GOOGLE_MAPS FILE_SEARCH MEDIA_PROCESSING",
)
_WORD = {"word": Leaf.TEXT, "startOffset": Leaf.DURATION, "endOffset": Leaf.DURATION}
_PART_DATA: dict[str, Any] = {
    "text": Leaf.TEXT,
    "inlineData": BLOB,
    "fileData": _FILE_DATA,
    "functionCall": {"id": Leaf.TEXT, "name": Leaf.TEXT, "args": Leaf.STRUCT},
    "functionResponse": FUNCTION_RESPONSE,
    "executableCode": {
        "id": Leaf.TEXT,
        "language": _choice("LANGUAGE", "PYTHON"),
        "code": Leaf.TEXT,
    },
    "codeExecutionResult": {
        "id": Leaf.TEXT,
        "outcome": _prefixed("OUTCOME", "OK FAILED DEADLINE_EXCEEDED"),
        "output": Leaf.TEXT,
    },
    "toolCall": {"id": Leaf.TEXT, "toolType": _TOOL_TYPE, "args": Leaf.STRUCT},
    "toolResponse": {"id": Leaf.TEXT, "toolType": _TOOL_TYPE, "response": Leaf.STRUCT},
}
PART = OneOf(
    "data",
    frozenset(_PART_DATA),
    {
        **_PART_DATA,
        **_METADATA,
        "thought": Leaf.FLAG,
        "thoughtSignature": Leaf.BYTES,
        "partMetadata": Leaf.STRUCT,
        "speechMetadata": {"speaker": Leaf.TEXT, "style": Leaf.TEXT},
        "audioTranscription": {
            "text": Leaf.TEXT,
            "finished": Leaf.FLAG,
            "languageCode": Leaf.TEXT,
            "speakerLabel": Leaf.TEXT,
            "words": [_WORD],
            "startOffset": Leaf.DURATION,
            "endOffset": Leaf.DURATION,
        },
    },
)
CONTENT = {"role": Leaf.TEXT, "parts": [PART]}

FUNCTION_SCHEMA: dict[str, Any] = {
    "type": _choice("TYPE", "STRING NUMBER INTEGER BOOLEAN ARRAY OBJECT NULL"),
    "format": Leaf.TEXT,
    "title": Leaf.TEXT,
    "description": Leaf.TEXT,
    "nullable": Leaf.FLAG,
    "enum": [Leaf.TEXT],
    "required": [Leaf.TEXT],
    "propertyOrdering": [Leaf.TEXT],
    "pattern": Leaf.TEXT,
    "default": Leaf.FREE,
    "example": Leaf.FREE,
    "minimum": Leaf.NUMBER,
    "maximum": Leaf.NUMBER,
}
_COUNTS = ("minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties")
FUNCTION_SCHEMA |= dict.fromkeys(_COUNTS, Leaf.INT64)
FUNCTION_SCHEMA |= {
    "items": FUNCTION_SCHEMA,
    "anyOf": [FUNCTION_SCHEMA],
    "properties": MapOf(FUNCTION_SCHEMA),
}

TOOL = {
    "functionDeclarations": [
        {
            "name": Leaf.TEXT,
            "description": Leaf.TEXT,
            "parameters": FUNCTION_SCHEMA,
            "parametersJsonSchema": Leaf.FREE,
            "response": FUNCTION_SCHEMA,
            "responseJsonSchema": Leaf.FREE,
            "behavior": BEHAVIOR,
        }
    ],
    "googleSearch": {
        "timeRangeFilter": {"startTime": Leaf.TIME, "endTime": Leaf.TIME},
        "searchTypes": Leaf.STRUCT,
    },
    "googleSearchRetrieval": {
        "dynamicRetrievalConfig": {
            "mode": EnumValues(("MODE_UNSPECIFIED", "MODE_DYNAMIC")),
            "dynamicThreshold": Leaf.NUMBER,
        }
    },
    "googleMaps": {"enableWidget": Leaf.FLAG, "authConfig": Leaf.STRUCT},
    "codeExecution": EMPTY,
    "urlContext": EMPTY,
    "computerUse": {
        "environment": _prefixed("ENVIRONMENT", "BROWSER"),
        "excludedPredefinedFunctions": [Leaf.TEXT],
    },
    "fileSearch": {
        "retrievalResources": [{"ragStoreName": Leaf.TEXT}],
        "retrievalConfig": {"topK": Leaf.INT32, "metadataFilter": Leaf.TEXT},
        "fileSearchStoreNames": [Leaf.TEXT],
        "topK": Leaf.INT32,
        "metadataFilter": Leaf.TEXT,
    },
    "mcpServers": [Leaf.STRUCT],
}
TRANSCRIPTION = {
    "languageCodes": [Leaf.TEXT],
    "languageAuto": EMPTY,
    "languageHints": {"languageCodes": [Leaf.TEXT]},
    "customVocabulary": [Leaf.TEXT],
    "adaptationPhrases": [Leaf.TEXT],
    "wordTimestamp": Leaf.FLAG,
    "diarization": Leaf.FLAG,
    "mode": _choice("MODE", "VERBATIM SMART"),
    "sourceText": Leaf.TEXT,
}
_VOICE = OneOf(
    "voice_config",
    frozenset({"prebuiltVoiceConfig", "replicatedVoiceConfig", "voice"}),
    {
        "prebuiltVoiceConfig": {"voiceName": Leaf.TEXT},
        "voice": Leaf.TEXT,
        "replicatedVoiceConfig": {
            "mimeType": Leaf.TEXT,
            "voiceSampleAudio": Leaf.BYTES,
            "consentAudio": Leaf.BYTES,
            "voiceConsentSignature": {"signature": Leaf.TEXT},
        },
    },
)
GENERATION = {
    "candidateCount": Leaf.INT32,
    "stopSequences": [Leaf.TEXT],
    "maxOutputTokens": Leaf.INT32,
    "temperature": Leaf.NUMBER,
    "topP": Leaf.NUMBER,
    "topK": Leaf.NUMBER,
    "seed": Leaf.INT32,
    "responseMimeType": Leaf.TEXT,
    "responseSchema": FUNCTION_SCHEMA,
    "responseJsonSchema": Leaf.FREE,
    "responseJsonSchemaOrdered": Leaf.FREE,
    "responseFormat": [Leaf.STRUCT],
    "presencePenalty": Leaf.NUMBER,
    "frequencyPenalty": Leaf.NUMBER,
    "responseLogprobs": Leaf.FLAG,
    "logprobs": Leaf.INT32,
    "enableEnhancedCivicAnswers": Leaf.FLAG,
    "responseModalities": [_choice("MODALITY", "TEXT IMAGE AUDIO VIDEO")],
    "speechConfig": {
        "voiceConfig": _VOICE,
        "multiSpeakerVoiceConfig": {"speakerVoiceConfigs": [{"speaker": Leaf.TEXT, "voiceConfig": _VOICE}]},
        "languageCode": Leaf.TEXT,
    },
    "thinkingConfig": {
        "includeThoughts": Leaf.FLAG,
        "thinkingBudget": Leaf.INT32,
        "thinkingLevel": _choice("THINKING_LEVEL", "LOW HIGH MEDIUM MINIMAL XHIGH"),
    },
    "imageConfig": {"aspectRatio": Leaf.TEXT},
    "mediaResolution": MEDIA_RESOLUTION,
    "enableAffectiveDialog": Leaf.FLAG,
    "translationConfig": {"targetLanguageCode": Leaf.TEXT, "echoTargetLanguage": Leaf.FLAG},
    "audioTranscriptionConfig": TRANSCRIPTION,
}
DETECTION = {
    "disabled": Leaf.FLAG,
    "startOfSpeechSensitivity": _prefixed("START_SENSITIVITY", "HIGH LOW"),
    "endOfSpeechSensitivity": _prefixed("END_SENSITIVITY", "HIGH LOW"),
    "prefixPaddingMs": Leaf.INT32,
    "silenceDurationMs": Leaf.INT32,
}
_HARM = _prefixed(
    "HARM_CATEGORY",
    "DEROGATORY TOXICITY VIOLENCE SEXUAL MEDICAL DANGEROUS HARASSMENT HATE_SPEECH SEXUALLY_EXPLICIT "
    "DANGEROUS_CONTENT CIVIC_INTEGRITY JAILBREAK",
)
_THRESHOLD = _choice(
    "HARM_BLOCK_THRESHOLD", "BLOCK_LOW_AND_ABOVE BLOCK_MEDIUM_AND_ABOVE BLOCK_ONLY_HIGH BLOCK_NONE OFF"
)
SETUP = {
    "model": Leaf.TEXT,
    "generationConfig": GENERATION,
    "systemInstruction": CONTENT,
    "tools": [TOOL],
    "sessionResumption": {"handle": Leaf.TEXT},
    "inputAudioTranscription": TRANSCRIPTION,
    "outputAudioTranscription": TRANSCRIPTION,
    "realtimeInputConfig": {
        "automaticActivityDetection": DETECTION,
        "activityHandling": _choice("ACTIVITY_HANDLING", "START_OF_ACTIVITY_INTERRUPTS NO_INTERRUPTION"),
        "turnCoverage": _choice(
            "TURN_COVERAGE",
            "TURN_INCLUDES_ONLY_ACTIVITY TURN_INCLUDES_ALL_INPUT TURN_INCLUDES_AUDIO_ACTIVITY_AND_ALL_VIDEO",
        ),
        "interimTranscriptTimestampEnabled": Leaf.FLAG,
    },
    "contextWindowCompression": {
        "triggerTokens": Leaf.INT64,
        "slidingWindow": {"targetTokens": Leaf.INT64},
    },
    "proactivity": {"proactiveAudio": Leaf.FLAG, "proactiveVideo": Leaf.FLAG},
    "historyConfig": {"initialHistoryInClientContent": Leaf.FLAG},
    "avatarConfig": {
        "avatarName": Leaf.TEXT,
        "customizedAvatar": {"imageMimeType": Leaf.TEXT, "imageData": Leaf.BYTES},
        "audioBitrateBps": Leaf.INT32,
        "videoBitrateBps": Leaf.INT32,
    },
    "safetySettings": [{"category": _HARM, "threshold": _THRESHOLD}],
    "labels": MapOf(Leaf.TEXT),
}
CLIENT_MESSAGE: dict[str, Any] = {
    "setup": SETUP,
    "realtimeInput": {
        "audio": BLOB,
        "video": BLOB,
        "text": Leaf.TEXT,
        "mediaChunks": [BLOB],
        "activityStart": EMPTY,
        "activityEnd": EMPTY,
        "audioStreamEnd": Leaf.FLAG,
    },
    "clientContent": {"turns": [CONTENT], "turnComplete": Leaf.FLAG},
    "toolResponse": {"functionResponses": [FUNCTION_RESPONSE]},
    "contextUpdate": {"systemInstruction": CONTENT, "tools": {"tools": [TOOL]}},
}
"""Of these fields exactly one is set in each message."""

CONTENT_REQUEST: dict[str, Any] = {
    "contents": [CONTENT],
    "systemInstruction": CONTENT,
    "tools": [TOOL],
    "toolConfig": {
        "functionCallingConfig": {
            "mode": _choice("MODE", "AUTO ANY NONE VALIDATED"),
            "allowedFunctionNames": [Leaf.TEXT],
        },
        "retrievalConfig": Leaf.STRUCT,
        "includeServerSideToolInvocations": Leaf.FLAG,
    },
    "safetySettings": SETUP["safetySettings"],
    "generationConfig": GENERATION,
    "cachedContent": Leaf.TEXT,
    "serviceTier": Leaf.TEXT,
    "store": Leaf.FLAG,
    "labels": MapOf(Leaf.TEXT),
}
"""The body of `POST models/…:generateContent`; the model is in the path."""

AUTH_TOKEN: dict[str, Any] = {
    "uses": Leaf.INT32,
    "expireTime": Leaf.TIME,
    "newSessionExpireTime": Leaf.TIME,
    "bidiGenerateContentSetup": SETUP,
    "fieldMask": Leaf.TEXT,
}
"""The body of `POST auth_tokens` (`tokens.py` of google-genai)."""
