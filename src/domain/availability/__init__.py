"""What can be booked, and why not: pure decisions over several rooms' values."""
