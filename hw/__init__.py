"""Devices: microphone, speaker, button, lights. Knows nothing of the daemon that uses them."""
