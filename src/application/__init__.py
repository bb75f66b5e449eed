"""What can be asked of Daybook: commands and queries, their handlers, and the ports through which they reach out."""
