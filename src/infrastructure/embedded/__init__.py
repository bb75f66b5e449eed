"""The engine room: PostgreSQL, Valkey and a MongoDB server from wheels, for when no URL is given."""
