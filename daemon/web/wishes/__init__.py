"""What the page wishes of the configuration: checked, left in a file, carried out by a helper."""
