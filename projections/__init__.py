"""What we know: one file per view, with its table, what it learns from events and what it answers."""
