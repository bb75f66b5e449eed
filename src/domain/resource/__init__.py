"""Resources: what can be occupied, in how many units, and when it is open."""
