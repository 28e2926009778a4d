"""The slow way: sessions call by call, where WebSockets do not pass, and when that way is taken."""
