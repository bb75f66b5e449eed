"""Families: who may act for whom, and what was consented to."""
