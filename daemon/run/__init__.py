"""Puts the parts together, starts them, and takes them down: the composition root and the ways to run."""
