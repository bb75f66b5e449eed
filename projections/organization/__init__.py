"""Views of organizations and their locations."""
