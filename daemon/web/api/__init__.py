"""What the page asks for: events, commands, timers, history, devices, pairing, lights and the doctor."""
