"""Boards as data: a file for each, how it is read, and how a machine shows which one it is."""
