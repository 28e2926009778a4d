"""What the lights say, worked out anew from all conditions; nobody sets a colour."""
