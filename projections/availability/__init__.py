"""What can be booked: answered from the timetable and the claims as they stand."""
