"""What if: what commands of several contexts would do to what is booked. A question over contexts, and none itself."""
