"""Cameras: a program that writes JPEGs, or a simulated one."""
