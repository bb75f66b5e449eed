"""Offerings and sessions: what can be asked for and about them."""
