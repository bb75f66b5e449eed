"""What is known of offerings: what is sold, with everything that decides when it can be had."""
