"""One file per command of `daybook`, named after it (`import_.py` is `daybook import`), exporting `command`."""
