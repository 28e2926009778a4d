"""Microphone and speaker through PyAudio: ALSA cards, and PulseAudio or PipeWire behind ALSA.

`mic` and `speaker` are the two devices, each a blocking `stream` on a `Worker` of its own;
`hw.sound.library` owns PortAudio itself. Measured over a private PulseAudio 16.1 with null sinks and a 5 ms
recorder on the monitor, PortAudio 19.6, PyAudio 0.2.14, 2 cores x86:

| playback stream | holds | first write → heard p50 / p90 | 100 ms without a write | flush → silence |
|---|---|---|---|---|
| `frames_per_buffer` 20 ms, as PyAudio opens it | 60 ms | 0 / 0 ms | a gap of 43 ms | 0.4 ms |
| `frames_per_buffer` 200 ms | 600 ms | waits until 200 ms are written | no gap | 0.5 ms |
| **10 ms periods, 200 ms deep** (`hw.sound.depth`) | 210 ms | 0.5 / 5 ms | no gap | 0.4 ms |
| 20 ms periods, 200 ms deep | 220 ms | 0.5 / 5 ms, but nothing below 20 ms starts | no gap | 0.4 ms |
| callback stream | | 30 ms more: it hands over silence before the first sample | | |

*Flush*: with ALSA `stop_stream` discards what is queued (pa_linux_alsa.c, AlsaStop: snd_pcm_drop, in every
version until now, whatever Pa_StopStream promises) and takes 0.4 ms with the start after it; close and
reopen takes 1.7 ms, and longer on real hardware. *Idle*: an open stream costs 0.005 s of CPU a minute,
whether it ran dry or was stopped. *Ready*: the first write after running dry recovers the stream, in several
round trips to the sound server and with a line on standard error: 0.6 ms, or up to 400 ms beside a busy
program. So the stream is made ready again once a sound is over; a write then takes 0.3 ms, or up to 3 ms.
*Playing*: 0.26 s of CPU a minute. *Underruns* are told from the clock, since PyAudio closes a stream when it
is asked to raise for one. `get_write_available` is right to one period. *Capture*: 0.2 s a minute, blocking,
polling and callbacks alike. *Waiting*: when a card is pulled while PortAudio waits inside a read or a write,
it tries to recover for ever, with all of a processor and 80,000 lines a second on standard error (PortAudio
issue 1037, 19.6 and 19.7); asked how much there is, it tells of the failure. So for a card, whatever plug-ins
are before it, the waiting is done here. With a sound server it is the other way round: a read fails when the
server is killed, and `get_read_available` hangs for ever.
"""
