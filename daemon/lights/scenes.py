"""What the status lights can say: every scene as data, its colour, its rhythm, its meaning in words.

Blue belongs to the scenes in which microphone audio can leave the device, and to no other. A light with one
colour tells scenes apart by rhythm alone: only listening is steadily bright, faults are blinks to be
counted, all else breathes. Nothing flashes more than 3 times a second (WCAG 2.3.1).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from hw.base import Colour


class Layout(Enum):
    """How brightness is spread over the pixels."""

    ALL = "all"
    SPIN = "spin"
    """One bright spot goes round; a single pixel breathes."""
    BAR = "bar"
    """As many pixels as the scene's fill; a single pixel is as bright as the fill."""


@dataclass(frozen=True, slots=True)
class Keyframe:
    """A stretch of an animation: brightness from `begin` to `end`, each 0 to 1."""

    duration_s: float
    begin: float
    end: float


Curve = tuple[Keyframe, ...]
"""Keys that repeat for ever; one key of no duration is a steady light."""


def steady(brightness: float) -> Curve:
    """The same brightness for ever."""
    return (Keyframe(0.0, brightness, brightness),)


def breathe(period_s: float, low: float = 0.0, high: float = 1.0) -> Curve:
    """Softly up and down, beginning at `high`."""
    return (Keyframe(period_s / 2, high, low), Keyframe(period_s / 2, low, high))


def blinks(count: int) -> Curve:
    """`count` blinks to be counted, 2 a second, and a pause of 2 s."""
    on, off, pause = Keyframe(0.2, 1.0, 1.0), Keyframe(0.3, 0.0, 0.0), Keyframe(2.0, 0.0, 0.0)
    return (*(key for _ in range(count) for key in (on, off)), pause)


def pulses(count: int) -> Curve:
    """`count` soft pulses, each from dark to bright and back in 1.2 s, and a pause of 1.6 s."""
    up, down, pause = Keyframe(0.6, 0.0, 1.0), Keyframe(0.6, 1.0, 0.0), Keyframe(1.6, 0.0, 0.0)
    return (*(key for _ in range(count) for key in (up, down)), pause)


GREEN, AMBER, RED = Colour(green=255), Colour(red=255, green=110), Colour(red=255)
YELLOW, BLUE, OFF = Colour(red=255, green=200), Colour(blue=255), Colour()
DIM_RED = Colour(red=36)
"""14 %: bright enough to find at night, and no brighter."""


@dataclass(frozen=True, slots=True)
class Scene:
    """One thing that the lights can say."""

    name: str
    looks: str
    meaning: str
    remedy: str
    colour: Colour
    curve: Curve
    layout: Layout = Layout.ALL
    under: Colour = OFF
    """Always lit beneath the moving colour."""


NOTHING = "—"

SPEAKING_OPEN = Scene(
    name="speaking, microphone open",
    looks="blue with breathing green",
    meaning="It answers, and it still listens.",
    remedy="Speak to interrupt.",
    colour=GREEN,
    curve=breathe(1.6),
    under=Colour(blue=110),
)

SENDING = Scene(
    name="sending",
    looks="blue, breathing",
    meaning="You have finished; the rest of what you said is on its way.",
    remedy=NOTHING,
    colour=BLUE,
    curve=breathe(1.2, low=0.4),
)

LISTENING = Scene(
    name="listening",
    looks="blue, steady",
    meaning="What the microphone hears leaves the device.",
    remedy="Speak.",
    colour=BLUE,
    curve=steady(1.0),
)

STOPPING = Scene(
    name="stopping",
    looks="yellow, slow and dim",
    meaning="It is shutting down.",
    remedy=NOTHING,
    colour=YELLOW,
    curve=breathe(3.0, high=0.3),
)

STARTING = Scene(
    name="starting",
    looks="yellow, going round",
    meaning="It is starting.",
    remedy=NOTHING,
    colour=YELLOW,
    curve=breathe(2.0, 0.6),
    layout=Layout.SPIN,
)

VOLUME = Scene(
    name="volume",
    looks="yellow bar",
    meaning="The volume has changed.",
    remedy=NOTHING,
    colour=YELLOW,
    curve=breathe(1.0, 0.6),
    layout=Layout.BAR,
)

RINGING = Scene(
    name="ringing",
    looks="yellow, breathing fast",
    meaning="A timer, an alarm or a reminder rings.",
    remedy="Press to silence it.",
    colour=YELLOW,
    curve=breathe(1.0),
)

ANNOUNCING = Scene(
    name="announcing",
    looks="green, three slow pulses",
    meaning="It says what your home, or `conure announce`, told it to say.",
    remedy="A press ends it.",
    colour=GREEN,
    curve=pulses(3),
)

PAIRING = Scene(
    name="pairing",
    looks="yellow, two slow pulses",
    meaning="Somebody with the speaker's page asks to be let in.",
    remedy="Press to let them in, if that is you; else wait half a minute.",
    colour=YELLOW,
    curve=pulses(2),
)

MISSED = Scene(
    name="missed",
    looks="yellow, breathing very slowly",
    meaning="Something rang or was due, and nobody was there.",
    remedy="Ask what you missed, or `conure timers`.",
    colour=YELLOW,
    curve=breathe(6.0, high=0.5),
)

REFUSED = Scene(
    name="refused",
    looks="red, five blinks",
    meaning="The service does not take the key, the model or the configuration.",
    remedy="`conure status` names the cause.",
    colour=RED,
    curve=blinks(5),
)

MIC_FAULT = Scene(
    name="no microphone",
    looks="red, three blinks",
    meaning="The microphone cannot be used.",
    remedy="Check its cable and `[board] mic`.",
    colour=RED,
    curve=blinks(3),
)

SPEAKER_FAULT = Scene(
    name="no speaker",
    looks="red, four blinks",
    meaning="The speaker cannot be used.",
    remedy="Check its cable and `[board] speaker`.",
    colour=RED,
    curve=blinks(4),
)

MUTED = Scene(
    name="muted",
    looks="dim red, steady",
    meaning="The microphone is closed.",
    remedy="Unmute to talk.",
    colour=DIM_RED,
    curve=steady(1.0),
)

SPEAKING = Scene(
    name="speaking",
    looks="green, breathing",
    meaning="It answers.",
    remedy="Press to interrupt.",
    colour=GREEN,
    curve=breathe(1.6, 0.3),
)

QUOTA = Scene(
    name="quota",
    looks="amber, two blinks",
    meaning="The service's quota is used up.",
    remedy="Wait, or see to your plan and billing.",
    colour=AMBER,
    curve=blinks(2),
)

OFFLINE = Scene(
    name="offline",
    looks="amber, one blink",
    meaning="The service cannot be reached; it keeps trying.",
    remedy="Check the network; `conure status` helps.",
    colour=AMBER,
    curve=blinks(1),
)

SLOW = Scene(
    name="slow way",
    looks="amber, three slow pulses",
    meaning="WebSockets do not pass here, so that answers take longer. It is ready.",
    remedy="Just talk; `conure status` says why.",
    colour=AMBER,
    curve=pulses(3),
)

THINKING = Scene(
    name="thinking",
    looks="green, going round",
    meaning="It prepares an answer.",
    remedy=NOTHING,
    colour=GREEN,
    curve=breathe(2.0, 0.6),
    layout=Layout.SPIN,
)

CONNECTING = Scene(
    name="connecting",
    looks="amber, going round",
    meaning="It connects.",
    remedy=NOTHING,
    colour=AMBER,
    curve=breathe(2.0, 0.6),
    layout=Layout.SPIN,
)

FOLLOW_UP = Scene(
    name="follow-up",
    looks="green bar that shrinks",
    meaning="It waits for you to go on; nothing is sent until you speak.",
    remedy="Just speak.",
    colour=GREEN,
    curve=breathe(1.6, 0.5, 0.8),
    layout=Layout.BAR,
)

IDLE = Scene(
    name="ready",
    looks="off",
    meaning="It is ready, and nothing leaves the device.",
    remedy="Press, or speak.",
    colour=OFF,
    curve=steady(0.0),
)
