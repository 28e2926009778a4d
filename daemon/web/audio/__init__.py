"""What clients send to be heard, in whatever form: told by its first bytes, read within bounds."""
