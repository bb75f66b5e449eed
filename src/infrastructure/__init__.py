"""How it is kept: one adapter per port. Nothing here decides anything."""
