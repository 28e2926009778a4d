"""Timers, alarms and reminders: what waits for its time, what rings, and what was missed.

`book.py` decides (pure: the clocks come with each call), `local_time.py` knows local clocks and daylight
saving, `record.py` is the book as a file's content, `phrases.py` and `requests.py` are words out and in,
`bell.py` the sound. `service.py` does it: sleeps until the next deadline, rings, saves. `tools.py` is what
the model may call, `commands.py` what the control socket takes.
"""
