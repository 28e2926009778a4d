"""The turn's state table: who speaks, who listens, and what follows from what happens.

`advance(state, event, policy)` is a pure function: no I/O, no clock, no asyncio. It gives the next state
and the actions that the controller has to carry out, in order. There is one table for each way of taking
turns (`device.py`, `server.py`); a pair that neither a table nor the shared rows name is a bug and raises
`IllegalTransition`.
"""
