"""Users of an organization: an id and a role. People come with their data sealed, later."""
