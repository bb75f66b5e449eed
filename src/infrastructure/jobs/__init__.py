"""Steps that follow from facts, kept by procrastinate in the same PostgreSQL until they are due."""
