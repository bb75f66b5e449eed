"""What is known about people's rights, and everything about one person."""
