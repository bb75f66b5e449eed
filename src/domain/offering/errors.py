"""Why an offering or a session refuses."""

from domain.errors import Unknown


class UnknownOffering(Unknown):
    """There is no such offering here."""


class UnknownSession(Unknown):
    """There is no such session here."""
