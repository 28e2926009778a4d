"""Serves those who talk: WebSockets and event streams, between a dialect and a talk."""
