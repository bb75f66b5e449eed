"""Offerings: what is sold, how long it lasts, what it needs, and when it may be booked."""
