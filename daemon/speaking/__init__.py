"""Sound out: the playback thread, tones, spoken messages, and how loud all of it is."""
