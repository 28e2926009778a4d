"""Hours of the device's life in minutes: turns in fast sequence, with faults and whims by a seeded plan."""
