"""Views of resources."""
