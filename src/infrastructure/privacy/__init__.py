"""People's keys: what seals and opens personal values, finds people unread, and lets them be forgotten."""
