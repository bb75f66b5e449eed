"""Views of bookings."""
