"""People's rights: what can be asked."""
