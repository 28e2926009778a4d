"""Lights: pixels on a bus, LEDs on lines, and those that the kernel drives."""
