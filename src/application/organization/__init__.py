"""Organizations and locations: what can be asked for and about them."""
