"""The connection to the Live service: when there is one, what travels on it, and what each failure means."""
