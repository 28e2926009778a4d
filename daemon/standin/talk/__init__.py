"""One connection after its set-up: turns, replies, calls, faults, limits."""
