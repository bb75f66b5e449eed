"""Organizations, which are the tenants, and their locations."""
