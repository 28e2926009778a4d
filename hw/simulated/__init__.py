"""The board without hardware: a room, a button and lights that a program can look at."""
