"""Buttons and LEDs on GPIO lines."""
