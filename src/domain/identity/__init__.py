"""Users of an organization: an id, a role, and what is known about them, sealed per person."""
