"""The HTTP door: routes, callers, problems. It translates, and hands on to a bus."""
