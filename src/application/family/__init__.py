"""Families and consents: what can be asked for and about them."""
