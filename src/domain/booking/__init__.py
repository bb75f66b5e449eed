"""Bookings: who holds which resources for which period, and what became of it."""
