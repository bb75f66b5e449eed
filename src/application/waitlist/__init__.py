"""Waitlists: what can be asked for and about them."""
