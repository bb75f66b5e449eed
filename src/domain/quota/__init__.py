"""Quotas: how much of what somebody may have booked, counted in the tenant's zone."""
