"""Bookings: what can be asked for and about them."""
