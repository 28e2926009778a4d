"""The live view on a terminal: what is seen, which keys do what, and the terminal itself."""
