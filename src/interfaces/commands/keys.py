"""`daybook keys`: the keys under which people's details are sealed, and those that sign tokens and links."""

import os
from uuid import UUID

import click

from infrastructure.embedded.servers import at_hand
from infrastructure.settings import Incomplete, Settings


@click.group("keys")
def command() -> None:
    """Rotate the keys of people's details or of signatures, or make anew by what people are found."""


@command.command("rotate")
def rotate() -> None:
    """A new master key in the file, and new keys of all organizations: what is sealed stays as it is, and everybody
    goes on working meanwhile. Killed half way, run it again.

    Machines that hold a copy of the file need the new one at once: until then they answer 503 where keys are needed.
    """
    from infrastructure.privacy import rotation

    def told(tenant: UUID, keys: int) -> None:
        click.echo(f"{tenant}: {keys} keys wrapped anew")

    with at_hand(os.environ, existing=True) as settings:
        if settings.master_key_file is None:
            raise Incomplete("DAYBOOK_MASTER_KEY_FILE is not set: only a key in a file can be rotated.")
        total = rotation.rotate(_url(settings), settings.master_key_file, told)
        click.echo(f"{total} people's keys are under the new master key in {settings.master_key_file}.")


@command.command("rotate-signing")
@click.option(
    "--alone", is_flag=True, help="Nothing that was signed before is good any more: everybody logs in anew, links die."
)
def rotate_signing(alone: bool) -> None:
    """A new key that signs tokens and links. What older ones have signed is good until it ends by itself; with --alone,
    for when one has become known, no longer than it takes every process to hear of it."""
    from infrastructure.identity import signing
    from infrastructure.privacy.keyring import Keyring
    from infrastructure.privacy.master import masters

    with at_hand(os.environ, existing=True) as settings:
        keys = Keyring(_url(settings), masters(settings), deadline=settings.database_deadline)
        try:
            kid = signing.rotate(_url(settings), keys, alone=alone)
        finally:
            keys.close()
        click.echo(f"{kid} signs from {'now' if alone else f'{signing.HEAD_START:.0f} seconds from now'} on.")


@command.command("reindex")
def reindex() -> None:
    """Make anew the rows by which people are found. The worker does it, from the first fact on; until it has come to
    the end, searches find only whom it has reached."""
    from infrastructure.privacy import index

    with at_hand(os.environ, existing=True) as settings:
        index.begin_again(_url(settings))
        click.echo("Begun: the worker goes on with it.")


def _url(settings: Settings) -> str:
    assert settings.database_url is not None
    return settings.database_url
