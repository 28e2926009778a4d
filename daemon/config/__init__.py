"""The configuration: every key, where it comes from, what is wrong with it, and what the board knows."""
