"""What a session is set up with."""

from __future__ import annotations

from daemon.config.models import DEFAULT_MODEL
from daemon.config.settings import LiveSettings
from daemon.session.gemini.setup import connect_config
from daemon.tools.declaring.declarations import Equipment


class TestTheSetUp:
    def test_holds_nothing_that_the_default_model_refuses(self) -> None:
        config = connect_config(LiveSettings(model=DEFAULT_MODEL, temperature=0.5), None)
        assert config.thinking_config is None
        assert config.temperature is None
        assert config.proactivity is None

    def test_gives_a_model_what_it_needs(self) -> None:
        config = connect_config(LiveSettings(model="gemini-3.8-live-extended-thinking"), None)
        assert config.thinking_config is not None

    def test_leaves_turns_to_whom_they_belong(self) -> None:
        for turn_taking, disabled in (("device", True), ("server", False)):
            config = connect_config(LiveSettings(turn_taking=turn_taking), None)
            assert config.realtime_input_config is not None
            detection = config.realtime_input_config.automatic_activity_detection
            assert detection is not None
            assert detection.disabled is disabled

    def test_resumes_with_the_handle(self) -> None:
        config = connect_config(LiveSettings(), "h1")
        assert config.session_resumption is not None
        assert config.session_resumption.handle == "h1"

    def test_is_silent_about_what_is_not_set(self) -> None:
        config = connect_config(LiveSettings(transcribe=False, compression_tokens=0), None)
        assert config.speech_config is None
        assert config.input_audio_transcription is None
        assert config.context_window_compression is None

    def test_limits_a_reply_where_that_is_asked_for_and_taken(self) -> None:
        for model, taken in ((DEFAULT_MODEL, 500), ("gemini-3.8-live-extended-thinking", None)):
            config = connect_config(LiveSettings(model=model, max_output_tokens=500), None)
            assert config.max_output_tokens == taken
        assert connect_config(LiveSettings(), None).max_output_tokens is None

    def test_has_pictures_looked_at_as_cheaply_as_the_model_can(self) -> None:
        for pictures, resolution in ((True, "MEDIA_RESOLUTION_LOW"), (False, None)):
            config = connect_config(LiveSettings(), None, Equipment(lambda: "", pictures=pictures))
            assert config.media_resolution == resolution
