"""Every configuration key: its default, unit, range and one line of documentation.

This is the one place that knows them, with `web.py` for the gateway's and `announce.py`. `schema.py` turns
TOML into these classes and reports mistakes, `conure config show` prints them, and the table of
docs/use/configuration.md is made from them. The classes are frozen and hold plain values, so any module may
import them.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields

from daemon.config.announce import AnnounceSettings
from daemon.config.home import DeviceSettings, MqttSettings
from daemon.config.key import key
from daemon.config.models import DEFAULT_SPEECH_MODEL
from daemon.config.web import WebSettings
from hw.camera.programs import CameraSpec
from hw.lights.kinds import KINDS, ORDERS, Lights


@dataclass(frozen=True, slots=True)
class BoardSettings:
    """[board] — which devices there are."""

    name: str = key(
        "auto",
        "a board of `conure boards`, a board's file (/….toml), or auto: the one detected, else generic",
    )
    mic: tuple[str, ...] = key(
        ("default",),
        "capture devices, the first that is there: an ALSA card id, usb:VENDOR:PRODUCT, usb-port:PORT, "
        "or part of a device's name",
        split="|",
    )
    speaker: tuple[str, ...] = key(("default",), "playback devices, in the same way", split="|")
    mic_channel: int = key(
        0, "which channel of the microphone is heard, from 0; -1: the mean of all", low=-1, high=15
    )
    mic_rate_hz: int = key(0, "rate of the capture device; 0: what it takes", low=0, high=192_000)
    speaker_rate_hz: int = key(0, "rate of the playback device; 0: what it takes", low=0, high=192_000)
    period_ms: int = key(10, "what the sound devices hand over at once", low=5, high=20)
    mic_buffer_ms: int = key(
        500, "for how long the capture device holds what was not read", low=60, high=2000
    )
    speaker_buffer_ms: int = key(
        200, "how much the playback device holds: what stalls of the machine may last", low=60, high=1000
    )
    silent_mic_s: float = key(
        60.0, "a microphone that gives nothing but zeros for so long is told; 0: never", low=0.0, high=3600.0
    )
    echo_free: bool = key(False, "the hardware takes the speaker's sound out of the microphone's")
    sample_wav: str = key(
        "", "simulated board: WAV file to speak; empty: the bundled sentence", path=True, web=False
    )
    record_wav: str = key(
        "",
        "simulated board: WAV file that receives what the speaker plays; empty: none",
        path=True,
        web=False,
    )
    retry_s: float = key(
        60.0,
        "a lost microphone or speaker is tried again for this long, then the daemon ends",
        low=0.0,
        high=3600.0,
    )


@dataclass(frozen=True, slots=True)
class ButtonSettings:
    """[button] — one push button; what each gesture does."""

    pin: int = key(17, "GPIO line (BCM number); -1: no button", low=-1, high=53)
    pull: str = key("up", "internal resistor", choices=("up", "down", "none"))
    active: str = key("low", "line level while pressed", choices=("low", "high"))
    debounce_ms: int = key(20, "an edge must last this long to count", low=0, high=200)
    hold_ms: int = key(350, "a press longer than this is a hold", low=150, high=2000)
    double_ms: int = key(300, "two taps within this are a double press", low=100, high=1000)
    long_ms: int = key(
        3000, "a press longer than this is a long press (only if hold = none)", low=500, high=10000
    )
    tap: str = key("talk", "what a tap does", choices=("talk", "stop", "mute", "none"))
    hold: str = key("talk", "what holding does: talk while held, or nothing", choices=("talk", "none"))
    double: str = key("mute", "what a double press does", choices=("stop", "mute", "none"))
    long: str = key("none", "what a long press does", choices=("stop", "mute", "none"))


@dataclass(frozen=True, slots=True)
class LightSettings:
    """[lights] — the status lights."""

    kind: str = key(
        "none",
        "what is wired",
        choices=("none", *KINDS),
    )
    pins: tuple[int, ...] = key(
        (),
        "GPIO lines (BCM numbers): one for led; red, green, blue for rgb; data, clock for dotstar",
        low=0,
        high=53,
    )
    active: str = key("high", "line level that lights an LED", choices=("low", "high"))
    count: int = key(3, "apa102, dotstar, neopixel: number of pixels", low=1, high=64)
    spi: str = key("/dev/spidev0.0", "apa102, neopixel: SPI device", web=False)
    order: str = key("grb", "neopixel: order of the colours", choices=ORDERS)
    leds: tuple[str, ...] = key((), "sysfs: names in /sys/class/leds: one, or red, green and blue", split=" ")
    brightness: float = key(0.3, "brightness limit; never dark, for blue must be seen", low=0.02, high=1.0)
    night_brightness: float = key(0.05, "brightness limit at night", low=0.02, high=1.0)
    night_from: str = key("", 'when the night begins, local time ("22:00"); empty: never')
    night_to: str = key("", 'when the night ends ("07:00")')

    def wired(self) -> Lights | None:
        """What is wired to shine; None: nothing."""
        if self.kind == "none":
            return None
        return Lights(**{one.name: getattr(self, one.name) for one in fields(Lights)})


@dataclass(frozen=True, slots=True)
class TriggerSettings:
    """[trigger] — what starts a conversation, and how long it stays open."""

    voice: str = key(
        "auto",
        "start on speech; auto: on where there is neither a button nor a wake word",
        choices=("auto", "on", "off"),
    )
    follow_up_s: float = key(6.0, "after a reply, listen this long for more; 0: never", low=0.0, high=60.0)
    barge_in: str = key(
        "auto",
        "may speech interrupt a reply; auto: where its echo is cancelled, or the microphone does not hear it",
        choices=("auto", "on", "off"),
    )


@dataclass(frozen=True, slots=True)
class VadSettings:
    """[vad] — telling speech from noise, and the end of speech."""

    engine: str = key(
        "cascade",
        "the judge of what is a voice; cascade: a network (Silero), asked about what webrtcvad lets through; "
        "webrtc: without the network; silero: the network alone, asked all the time",
        choices=("cascade", "webrtc", "silero"),
    )
    aggressiveness: int = key(2, "webrtcvad mode: 0 lets most through, 3 least", low=0, high=3)
    min_speech_ms: int = key(120, "this much speech starts an utterance", low=40, high=1000)
    barge_in_speech_ms: int = key(140, "this much speech interrupts a reply", low=40, high=1000)
    silence_ms: int = key(700, "this much silence ends an utterance", low=200, high=3000)
    silence_max_ms: int = key(
        1200,
        "in the middle of a list, after long pauses or a drawn-out sound, up to this much silence is needed; "
        "0, or silence_ms and less: always silence_ms",
        low=0,
        high=3000,
    )
    eager_ms: int = key(
        400,
        "after this much silence the answer is asked for, and withheld until silence_ms have passed; "
        "who goes on speaking gets one answer to all of it; 0, or silence_ms and more: never",
        low=0,
        high=3000,
    )
    no_speech_s: float = key(5.0, "after a tap, give up when nobody speaks for this long", low=1.0, high=30.0)
    preroll_ms: int = key(1000, "audio from before the trigger that is sent too", low=0, high=2000)
    threshold_db: float = key(9.0, "speech must exceed the noise floor by this", low=3.0, high=30.0)
    max_utterance_s: float = key(60.0, "an utterance is ended after this", low=5.0, high=120.0)


@dataclass(frozen=True, slots=True)
class WakeSettings:
    """[wake] — words that begin a conversation, also while a reply plays (needs pymicro-wakeword)."""

    words: tuple[str, ...] = key(
        (),
        "okay_nabu, hey_jarvis, hey_mycroft, alexa, or the path of a microWakeWord model's .json file",
        split=",",
    )
    sensitivity: str = key(
        "medium",
        "how readily a word is believed; medium: as its model was made",
        choices=("low", "medium", "high"),
    )
    earcon: bool = key(True, "sound the tone for listening after a wake word")


@dataclass(frozen=True, slots=True)
class FrontEndSettings:
    """[frontend] — what is done to the microphone's signal."""

    echo_cancellation: str = key(
        "auto",
        "take the speaker's sound out of the microphone's; auto: unless the hardware does it",
        choices=("auto", "on", "off"),
    )
    noise_suppression: str = key(
        "off",
        "make steady noise softer: by 6, 12, 18 or 21 dB",
        choices=("off", "low", "medium", "high", "highest"),
    )
    auto_gain: bool = key(False, "make a soft voice louder, by at most 24 dB")
    high_pass: bool = key(False, "take away what is below 100 Hz: hum, and the rumble of a table")


@dataclass(frozen=True, slots=True)
class LiveSettings:
    """[live] — the Gemini Live session."""

    model: str = key("gemini-3.8-live", "model name; `conure config check` knows what each model accepts")
    base_url: str = key(
        "", "another service address (https://…); empty: Google's, or GOOGLE_GEMINI_BASE_URL", web=False
    )
    api_version: str = key("v1beta", "API version", choices=("v1", "v1beta", "v1alpha"))
    api_key_file: str = key(
        "",
        "file that holds the API key; empty: systemd credential, else GEMINI_API_KEY",
        path=True,
        web=False,
    )
    voice: str = key("", "prebuilt voice name (Kore, Puck, …); empty: the model's default")
    language: str = key("", "BCP-47 language code (en-US, de-DE, …); empty: as spoken")
    speech_model: str = key(
        DEFAULT_SPEECH_MODEL,
        "speaks texts word for word: announcements, messages made anew, and answers on the slow way",
    )
    instruction: str = key(
        "You are a friendly voice assistant in a small speaker at home. "
        "Answer briefly, in the user's language.",
        "who it is: the system instruction, to which device, place and time are added",
    )
    place: str = key("", "where the device is, in words (Lyon, France; the kitchen); empty: not told")
    google_search: bool = key(False, "let the model search with Google, where it can")
    temperature: float = key(
        -1.0, "sampling temperature, where the model takes one; -1: its default", low=-1.0, high=2.0
    )
    max_output_tokens: int = key(
        0, "longest reply in tokens, where the model takes it; 0: its default", low=0, high=65_536
    )
    turn_taking: str = key("device", "who finds the ends of turns", choices=("device", "server"))
    transcribe: bool = key(True, "ask for transcripts of both sides")
    compression_tokens: int = key(
        25_600, "compress the context when it is longer than this; 0: never", low=0, high=128_000
    )
    fallback: str = key(
        "auto",
        "auto: where WebSockets do not pass and HTTPS does, answers come call by call; off: they do not",
        choices=("auto", "off"),
    )
    setup_timeout_s: float = key(12.0, "connecting and setting up may take this long", low=2.0, high=60.0)
    answer_timeout_s: float = key(
        15.0, "a reply must begin this soon after the end of speech", low=3.0, high=120.0
    )
    hold_utterance_s: float = key(
        60.0, "what was said waits this long for a connection, then you are told", low=5.0, high=600.0
    )
    ask_to_go_on: bool = key(False, "after a reply that the network cut off, ask for the rest of it")
    idle_close_s: float = key(180.0, "close the session after this long without a turn", low=5.0, high=3600.0)
    max_age_s: float = key(
        540.0, "replace a connection that is older, at the next pause", low=30.0, high=3600.0
    )
    uplink_message_ms: int = key(40, "audio in one message to the server", low=20, high=200)
    keep_session: bool = key(
        False, "after a restart go on with the conversation: keep the session's handle on disk for two hours"
    )


@dataclass(frozen=True, slots=True)
class UsageSettings:
    """[usage] — the budget of a calendar day; when it is used up, no new turn begins until midnight."""

    daily_minutes: float = key(
        0.0, "minutes of audio a day, microphone and replies together; 0: no limit", low=0.0, high=2880.0
    )
    daily_tokens: int = key(
        0, "tokens a day, as the service counts them; 0: no limit", low=0, high=1_000_000_000
    )


@dataclass(frozen=True, slots=True)
class ToolSettings:
    """[tools] — what the model can do besides talk."""

    directory: str = key(
        "/etc/conure/tools",
        "your own tools: Python files, and TOML files of commands and MCP servers",
        path=True,
        web=False,
    )
    deny: tuple[str, ...] = key(
        (), "names of tools that are withheld; * stands for any text", split=",", web=False
    )


@dataclass(frozen=True, slots=True)
class ReminderSettings:
    """[reminders] — timers, alarms and reminders."""

    ring_s: float = key(300.0, "what rings and is not stopped gives up after this", low=10.0, high=3600.0)
    volume: int = key(
        80, "loudness in percent that the ringing grows to; sound.volume does not matter", low=10, high=100
    )
    missed_grace_s: float = key(
        900.0,
        "what came due while nothing could ring still rings, if no later than this",
        low=0.0,
        high=86_400.0,
    )
    speak: bool = key(
        True, "when a press silences a reminder, let the model say its text, if there is a connection"
    )


@dataclass(frozen=True, slots=True)
class MemorySettings:
    """[memory] — small facts that you ask it to keep, in a plain file."""

    enabled: bool = key(False, "let the model keep facts, and tell it those that it has kept")


@dataclass(frozen=True, slots=True)
class SoundSettings:
    """[sound] — volume and tones."""

    volume: int = key(
        70,
        "loudness in percent; one that was set while it ran is kept until this key changes",
        low=0,
        high=100,
    )
    max_volume: int = key(100, "no volume above this is taken", low=1, high=100)
    night_volume: int = key(
        40, "no volume above this is heard at night, from lights.night_from to night_to", low=0, high=100
    )
    mixer: str = key(
        "auto",
        "the sound card's control for the volume, as in `amixer scontrols`; "
        "auto: a usual one, where there is one; none: the samples are scaled instead",
    )
    earcons: bool = key(True, "short tones for what happens (README, The tones)")
    spoken: bool = key(True, "say what is wrong, after the tone")
    reply_buffer_s: float = key(120.0, "longest reply that can wait to be played", low=20.0, high=600.0)


@dataclass(frozen=True, slots=True)
class CameraSettings:
    """[camera] — pictures for the model, which leave only while the lights are blue."""

    use: str = key(
        "off",
        "off; tool: a picture when you ask it to look; turns: pictures while you speak",
        choices=("off", "tool", "turns"),
    )
    device: str = key("pi", "pi: the camera on the Pi's connector, or a USB camera's file, as /dev/video0")
    interval_s: float = key(1.0, "turns: at most one picture in this time", low=1.0, high=60.0)
    command: tuple[str, ...] = key(
        (), "a program of yours in place of the device's: it writes JPEGs to its output", split=" ", web=False
    )

    def wanted(self) -> CameraSpec:
        """What is to be opened."""
        return CameraSpec(self.device, self.command)


@dataclass(frozen=True, slots=True)
class LogSettings:
    """[log] — what is written to the journal."""

    level: str = key("info", "least severity that is logged", choices=("debug", "info", "warning", "error"))
    transcripts: bool = key(False, "write what was said to the log (privacy: off by default)")


@dataclass(frozen=True, slots=True)
class Settings:
    """The whole configuration: one attribute for each TOML table."""

    board: BoardSettings = field(default_factory=BoardSettings)
    button: ButtonSettings = field(default_factory=ButtonSettings)
    lights: LightSettings = field(default_factory=LightSettings)
    trigger: TriggerSettings = field(default_factory=TriggerSettings)
    vad: VadSettings = field(default_factory=VadSettings)
    wake: WakeSettings = field(default_factory=WakeSettings)
    frontend: FrontEndSettings = field(default_factory=FrontEndSettings)
    live: LiveSettings = field(default_factory=LiveSettings)
    usage: UsageSettings = field(default_factory=UsageSettings)
    tools: ToolSettings = field(default_factory=ToolSettings)
    sound: SoundSettings = field(default_factory=SoundSettings)
    reminders: ReminderSettings = field(default_factory=ReminderSettings)
    announce: AnnounceSettings = field(default_factory=AnnounceSettings)
    memory: MemorySettings = field(default_factory=MemorySettings)
    camera: CameraSettings = field(default_factory=CameraSettings)
    log: LogSettings = field(default_factory=LogSettings)
    web: WebSettings = field(default_factory=WebSettings)
    device: DeviceSettings = field(default_factory=DeviceSettings)
    mqtt: MqttSettings = field(default_factory=MqttSettings)
