"""People's rights: to be forgotten, and what may stand against it."""
