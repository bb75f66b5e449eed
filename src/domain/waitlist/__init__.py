"""Waitlists: who waits for what is taken, in which order, and what they are offered when it is free."""
