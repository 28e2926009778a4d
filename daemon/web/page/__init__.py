"""The page for people: its static files, and how they are served."""
