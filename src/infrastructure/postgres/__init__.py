"""PostgreSQL: migrations, roles and connections."""
