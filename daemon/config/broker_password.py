"""Where the password for the broker comes from. Never in the configuration, never in the environment."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from daemon.config.home import MqttSettings
from daemon.config.secret import Secret
from daemon.errors import ConfigError
from hw.files import OddFile, read_text

PASSWORD_CREDENTIAL = "mqtt-password"  # noqa: S105 - its name, not its value
"""Name of the systemd credential: `LoadCredential=mqtt-password:FILE` (systemd.exec)."""

PASSWORD_LIMIT_BYTES = 1024
"""A broker takes 65,535 bytes (MQTT 5, section 3.1.3.6); whoever names a wrong, large file learns so."""


def load_password(mqtt: MqttSettings, env: Mapping[str, str]) -> Secret | None:
    """The password from the file that is named, else from the credential; None if there is neither.

    Raises ConfigError for a file that cannot be used, without a word of its content.
    """
    if mqtt.password_file:
        return _from_file(f'mqtt.password_file = "{mqtt.password_file}"', Path(mqtt.password_file))
    folder = env.get("CREDENTIALS_DIRECTORY")
    if not mqtt.user or not folder or not (credential := Path(folder) / PASSWORD_CREDENTIAL).is_file():
        return None
    return _from_file(f"systemd credential {PASSWORD_CREDENTIAL}", credential)


def _from_file(source: str, path: Path) -> Secret:
    try:
        text = read_text(path, PASSWORD_LIMIT_BYTES)
    except OSError as error:
        raise ConfigError([f"{source}: cannot be read: {error.strerror or error}"]) from None
    except OddFile:
        raise ConfigError([f"{source}: must hold the password alone"]) from None
    password = text.rstrip("\r\n")
    if not password or "\n" in password or "\0" in password:
        raise ConfigError([f"{source}: must hold the password alone, on one line"])
    return Secret(password)
