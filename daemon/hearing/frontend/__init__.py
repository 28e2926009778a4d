"""The microphone's front end: echo cancellation, noise suppression, gain, high-pass.

`front_end` cleans chunk by chunk; `far_end` knows what the speaker plays; `two_stages` cancels, with `linear`
and the library behind `webrtc`; `residue`, `guard`, `pace` and `resampling` are the other pure parts.
docs/inside/frontend.md says why this library, and what was measured.
"""
