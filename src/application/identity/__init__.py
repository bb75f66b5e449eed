"""Users: what can be asked for."""
