"""How the gateway is reached: sockets, certificates, deadlines, and the plain listener."""
