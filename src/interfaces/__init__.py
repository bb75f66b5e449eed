"""The front doors: they translate, authenticate and hand on to a bus. No rules."""
