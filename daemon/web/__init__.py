"""`conure web`, a process of its own: a page for the speaker, talks from other devices, tokens, metrics."""
