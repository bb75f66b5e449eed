"""What can be asked about people. `projections/identity/people.py` answers, sealed, and what leaves is opened in one
step behind it; to searches `infrastructure/privacy/search.py`."""

from uuid import UUID

from application.message import Query


class TheUser(Query, frozen=True):
    """One person, by id."""

    user_id: UUID


class People(Query, frozen=True):
    """Everybody who is registered, in the order of ids; with `ids`, of these alone."""

    after: UUID | None = None
    limit: int = 50
    role: str | None = None
    ids: tuple[UUID, ...] | None = None


class FindPeople(Query, frozen=True):
    """Who has all of these. At least one is asked for."""

    email: str | None = None
    phone: str | None = None
    last_four: str | None = None
    """The last four digits of the phone number."""
    name: str | None = None
    """How words of the name begin: at least three letters, or a whole word that is shorter."""
    after: UUID | None = None
    limit: int = 50
