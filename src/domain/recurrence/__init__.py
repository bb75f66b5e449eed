"""What comes again: recurrence rules (RFC 5545), and the occurrences of a series on a location's wall clock."""
