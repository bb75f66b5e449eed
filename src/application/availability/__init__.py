"""Availability: what can be booked, and why not."""
