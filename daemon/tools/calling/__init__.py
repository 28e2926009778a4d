"""What becomes of a call: its arguments, its run within a time, and the one answer."""
