"""What is shown of waitlists."""
