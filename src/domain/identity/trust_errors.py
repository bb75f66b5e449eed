"""Why an API key, or a house elsewhere, is refused."""

from domain.errors import Rule, Unknown


class UnknownApiKey(Unknown):
    """There is no such API key here."""


class ForServicesOnly(Rule):
    """API keys are for users of the role service: register one for the program."""


class NotALabel(Rule):
    """A label has 1 to 64 characters: a-z, 0-9, blanks, _ and -. Not free text: that could be about somebody."""


class NoScope(Rule):
    """A key needs at least one scope, and only such as there are."""


class OutOfItsReach(Rule):
    """A key cannot reach further than its user."""


class BadExpiry(Rule):
    """A key expires later than now, and within two years."""


class UnknownIssuer(Unknown):
    """There is no such issuer here."""


class NotAnIssuer(Rule):
    """An issuer is named by its URL: https, a host, and nothing that must be kept secret."""


class NotADomain(Rule):
    """A domain is written example.org."""


class NoClient(Rule):
    """Client id and audience have 1 to 200 visible characters."""
