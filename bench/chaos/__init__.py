"""Faults on purpose, and the checkers that say what they broke: `make chaos`; short ones are in tests/stories."""
