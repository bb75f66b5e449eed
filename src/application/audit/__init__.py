"""The audit trail: what can be asked of it."""
