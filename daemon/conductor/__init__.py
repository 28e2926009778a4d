"""The one consumer of events: gives each to the dialogue, and does what comes back."""
