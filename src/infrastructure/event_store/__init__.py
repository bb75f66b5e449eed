"""The event store: the library'"'"'s Application over our own recorder, mapper and factory, behind the port."""
