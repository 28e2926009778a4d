"""The sound check: how the microphone hears the speaker, measured by a sweep, kept, and drawn.

`check` plays and keeps; `sweep` is the sound and what makes an impulse response of what comes back,
`echo_path` measures that, `loopback` says what is wrong with it, and `picture` draws it: these are pure.
"""
