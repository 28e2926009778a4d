"""The stand-in Live server: BidiGenerateContent over TLS on loopback, without a key or a network.

`StandIn` is the server, `Record` what it saw, `Plan` what it does wrong, `run_standin` the program.
"""
