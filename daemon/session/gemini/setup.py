"""What a session is set up with: settings and tools in the SDK's types, as far as the model takes them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from google.genai import types

from daemon.config.models import Capabilities, Tool, capabilities
from daemon.config.settings import LiveSettings
from daemon.session.tokens import API_VERSION, TokenWish
from daemon.tools.declaring.declarations import Declaration, Equipment


def connect_config(
    settings: LiveSettings, handle: str | None, equipment: Equipment | None = None
) -> types.LiveConnectConfig:
    """What the model in the settings accepts, and nothing else. Fresh each time: the SDK changes it."""
    model = capabilities(settings.model)
    equipment = equipment or Equipment(lambda: settings.instruction)
    by_device = settings.turn_taking == "device"
    config = types.LiveConnectConfig(
        response_modalities=[types.Modality.AUDIO],
        speech_config=speech_settings(settings.voice, settings.language),
        system_instruction=equipment.instruction() or None,
        tools=tools_config(settings, equipment),
        session_resumption=types.SessionResumptionConfig(handle=handle),
        realtime_input_config=types.RealtimeInputConfig(
            automatic_activity_detection=types.AutomaticActivityDetection(disabled=by_device)
        ),
    )
    if settings.transcribe:
        config.input_audio_transcription = types.AudioTranscriptionConfig()
        config.output_audio_transcription = types.AudioTranscriptionConfig()
    if settings.compression_tokens > 0:
        config.context_window_compression = types.ContextWindowCompressionConfig(
            trigger_tokens=settings.compression_tokens, sliding_window=types.SlidingWindow()
        )
    if settings.temperature >= 0 and model.temperature:
        config.temperature = settings.temperature
    if settings.max_output_tokens and model.max_output_tokens:
        config.max_output_tokens = settings.max_output_tokens
    if equipment.pictures and model.media_resolution:
        config.media_resolution = types.MediaResolution(f"MEDIA_RESOLUTION_{model.media_resolution}")
    config.thinking_config = thinking_config(model)
    return config


def token_config(settings: LiveSettings, wish: TokenWish) -> types.CreateAuthTokenConfig:
    """A token for one session, of which everything is locked: without a mask of fields the service takes
    nothing of the set-up from whoever shows the token. It declares no functions: who holds it could not carry
    them out, and they would tell a stranger what the house can do.
    """
    by_server = replace(settings, voice=wish.voice, turn_taking="server")
    config = connect_config(by_server, None, Equipment(lambda: wish.instruction))
    return types.CreateAuthTokenConfig(
        http_options=types.HttpOptions(api_version=API_VERSION),
        uses=1,
        expire_time=wish.expires,
        new_session_expire_time=wish.new_sessions_until,
        live_connect_constraints=types.LiveConnectConstraints(model=settings.model, config=config),
    )


def thinking_config(model: Capabilities) -> types.ThinkingConfig | None:
    """As little thought before the answer as the model can do with; None: it is not to be asked."""
    if model.thinking_budget is not None:
        return types.ThinkingConfig(thinking_budget=model.thinking_budget)
    if model.thinking_level:
        return types.ThinkingConfig(thinking_level=types.ThinkingLevel(model.thinking_level))
    return None


def tools_config(settings: LiveSettings, equipment: Equipment) -> list[types.Tool | Any] | None:
    """Search and functions, as far as the model takes them; None for nothing."""
    model = capabilities(settings.model)
    declarations = equipment.declarations() if Tool.FUNCTIONS in model.tools else []
    search = settings.google_search and Tool.SEARCH in model.tools
    tools = [types.Tool(google_search=types.GoogleSearch())] if search else []
    if declarations:
        functions = [function_declaration(declaration) for declaration in declarations]
        tools.append(types.Tool(function_declarations=functions))
    return [*tools] or None


def function_declaration(declaration: Declaration) -> types.FunctionDeclaration:
    """A declaration in the SDK's types.

    In `parameters`, never in `parameters_json_schema`: of that the Live models see nothing, and call without
    arguments (python-genai #1147, livekit agents #2940).
    """
    parameters = None
    if declaration.parameters.get("properties"):
        json_schema = types.JSONSchema.model_validate(declaration.parameters)
        parameters = types.Schema.from_json_schema(json_schema=json_schema)
    return types.FunctionDeclaration(
        name=declaration.name,
        description=declaration.description,
        parameters=parameters,
        behavior=types.Behavior(declaration.behavior) if declaration.behavior else None,
    )


def speech_settings(voice: str, language: str) -> types.SpeechConfig | None:
    """Voice and language, where set."""
    if not voice and not language:
        return None
    prebuilt = types.PrebuiltVoiceConfig(voice_name=voice)
    return types.SpeechConfig(
        voice_config=types.VoiceConfig(prebuilt_voice_config=prebuilt) if voice else None,
        language_code=language or None,
    )
