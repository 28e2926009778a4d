"""The configuration keys of the house around the speaker: who it is there, and the broker of MQTT. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from daemon.config.key import key


@dataclass(frozen=True, slots=True)
class DeviceSettings:
    """[device] — which of several speakers this one is."""

    name: str = key("", "what people call it; empty: the machine's host name", web=False)
    room: str = key("", "the room where it stands, in your words (Kitchen); empty: none", web=False)
    id: str = key(
        "",
        "what programs know it by: small letters, digits and _; empty: made from /etc/machine-id",
        web=False,
    )


@dataclass(frozen=True, slots=True)
class MqttSettings:
    """[mqtt] — the broker through which Home Assistant and other speakers are met."""

    host: str = key("", "the broker's name or address; empty: no MQTT", web=False)
    port: int = key(0, "the broker's port; 0: 1883, or 8883 with mqtt.tls", low=0, high=65535, web=False)
    tls: bool = key(False, "speak TLS to the broker", web=False)
    ca_file: str = key(
        "",
        "certificates (PEM) that the broker's is checked against; empty: the system's",
        path=True,
        web=False,
    )
    user: str = key("", "the name to log in with; empty: none", web=False)
    password_file: str = key(
        "", "file that holds the password; empty: the systemd credential mqtt-password", path=True, web=False
    )
    discovery: str = key("homeassistant", "the topic under which Home Assistant looks for devices", web=False)
    talk: bool = key(
        False, "whoever may publish at the broker may open the microphone by a button", web=False
    )
    transcripts: bool = key(False, "publish what was said, by you and by the speaker", web=False)
