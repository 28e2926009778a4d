"""Microphones and speakers: PortAudio, ALSA's names and mixer, rates and channels."""
