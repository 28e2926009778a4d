"""The control socket: what other programs may ask of a running speaker, and what it tells of itself."""
