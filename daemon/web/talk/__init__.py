"""A remote conversation: the link, uplink, rings and reply gate of one browser or program, and its bounds."""
