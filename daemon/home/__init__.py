"""The house around the speaker: MQTT, Home Assistant's device discovery, and other speakers."""
