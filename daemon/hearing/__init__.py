"""Sound in: the capture thread, the front end, and where speech begins and ends."""
