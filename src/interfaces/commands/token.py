"""`daybook token`: a token for development, printed and nothing else."""

import os
import re
from uuid import UUID, uuid4

import click

from infrastructure import settings as given
from infrastructure.embedded.folder import DataFolder
from infrastructure.settings import Incomplete, Settings
from interfaces.trust import ADMITTED, PLATFORM, minted, trusting

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def seconds(_context: click.Context, _option: click.Parameter, value: str | None) -> int | None:
    if value is None:
        return None
    found = re.fullmatch(r"([0-9]{1,6})([smhd]?)", value)
    if found is None:
        raise click.BadParameter(f"{value!r} is no time: say 900, 15m or 24h.")
    return int(found[1]) * UNITS[found[2] or "s"]


@click.command("token")
@click.option("--org", type=click.UUID, help="The organization it speaks for; not needed for the platform.")
@click.option("--role", type=click.Choice(sorted(ADMITTED)), default="owner", show_default=True)
@click.option("--user", help="Who it is: `sub`. A customer's is a UUID.")
@click.option(
    "--ttl",
    callback=seconds,
    metavar="TIME",
    help="How long it lives, 900, 15m or 24h; by default as long as is accepted.",
)
def command(org: UUID | None, role: str, user: str | None, ttl: int | None) -> None:
    """Mint a token. Whoever can do this has the secret, and can do everything."""
    settings = _settings()
    if org is None and role != PLATFORM:
        raise click.UsageError(f"--org is needed: the role {role} belongs to an organization.")
    longest = settings.token_life
    if ttl is not None and not 0 < ttl <= longest:
        raise click.UsageError(f"--ttl is at most {longest} s (DAYBOOK_TOKEN_LIFE): the API accepts no longer life.")
    if role == "customer":
        user = str(_customer(user))
    from infrastructure.identity.signing import at_hand

    click.echo(
        minted(trusting(settings, at_hand(settings)), role=role, subject=user or role, organization=org, life=ttl)
    )


def _customer(user: str | None) -> UUID:
    try:
        return uuid4() if user is None else UUID(user)
    except ValueError:
        raise click.UsageError(
            "--user is a UUID where the role is customer: bookings name their customer so."
        ) from None


def _settings() -> Settings:
    """Those of the Daybook that runs on the data folder, where the environment names no secret."""
    settings = given.load(os.environ)
    if settings.token_secret is None and (published := DataFolder(settings.data).published()):
        return given.load(published | {name: value for name, value in os.environ.items() if value})
    if settings.token_secret is None:
        raise Incomplete(
            f"No Daybook is running on {settings.data.resolve()} and DAYBOOK_TOKEN_SECRET is not set: start one with "
            "make run, or name its folder with DAYBOOK_DATA."
        )
    return settings
