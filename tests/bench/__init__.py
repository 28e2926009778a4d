"""The bench: how fast, how whole and how cheap Conure is, beside a bare loop on the same machine.

Run it with `scripts/bench`. A private PulseAudio is the sound card, the stand-in the service; Conure and the
bare loop are processes of their own. The stand-in and both recorders live in the bench's process.
"""
