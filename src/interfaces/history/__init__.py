"""Importing a history: a source's rows become the dated commands that they were."""
