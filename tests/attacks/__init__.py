"""What somebody on the same network may try against the gateway."""
