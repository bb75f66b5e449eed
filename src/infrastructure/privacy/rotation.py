"""A new master key and new keys of all tenants, by wrapping anew what is wrapped: no person's key changes, no fact and
no view is touched, and everybody goes on working meanwhile.

Killed half way it is begun again: the file holds the old master key until nothing is under it any more.
"""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg

from infrastructure.postgres.migrate import KEYS_ROLE
from infrastructure.privacy import master, seals

BATCH = 500
"""Keys of one transaction: readers of the log wait for the oldest open writing one."""
Connection = psycopg.Connection[Any]


def rotate(url: str, file: Path, told: Callable[[UUID, int], None] = lambda _tenant, _keys: None) -> int:
    """How many people's keys were wrapped anew. Raises what reading the file raises, and `Broken` where it is another
    database's."""
    old = master.read(file)
    new = seals.fresh_key()
    master.write(file, [new, *old])
    known = {seals.name_of(key): key for key in (new, *old)}
    total = 0
    with psycopg.connect(url, autocommit=True, options=f"-c role={KEYS_ROLE}") as connection:
        for key in old:  # from here on nobody begins a tenant under these
            connection.execute("SELECT privacy.retire(%s)", [seals.name_of(key)])
        for (tenant,) in connection.execute("SELECT privacy.tenants()").fetchall():
            done = _tenant(connection, tenant, known, new)
            told(tenant, done)
            total += done
    master.write(file, [new])
    return total


def _tenant(connection: Connection, tenant: UUID, masters: dict[str, bytes], new: bytes) -> int:
    keys, newest = _begun(connection, tenant, masters, new)
    done = 0
    while True:
        while some := _wrapped_anew(connection, tenant, keys, newest):
            done += some
        try:
            with _transaction(connection, tenant):
                connection.execute(
                    "DELETE FROM privacy.tenant_key WHERE tenant = %s AND version < %s", [tenant, newest]
                )
        except psycopg.errors.ForeignKeyViolation:
            continue  # somebody who did not know yet made a key under the old one
        return done


def _begun(connection: Connection, tenant: UUID, masters: dict[str, bytes], new: bytes) -> tuple[dict[int, bytes], int]:
    """The tenant's keys with the new one, by version, and which that is."""
    with _transaction(connection, tenant):
        rows = connection.execute(
            "SELECT version, master, wrapped, secret FROM privacy.tenant_key WHERE tenant = %s ORDER BY version "
            "FOR UPDATE",
            [tenant],
        ).fetchall()
        keys: dict[int, bytes] = {}
        for version, name, box, _ in rows:
            if name not in masters:
                raise seals.Broken(f"a tenant's key is wrapped under the master key {name}, which is not in the file")
            keys[version] = seals.unwrapped(box, masters[name])
        last, _, _, secret = rows[-1]
        key = seals.fresh_key()
        connection.execute(
            "INSERT INTO privacy.tenant_key (tenant, version, master, wrapped, secret) VALUES (%s, %s, %s, %s, %s)",
            [
                tenant, last + 1, seals.name_of(new), seals.wrapped(key, new),
                seals.wrapped(seals.unwrapped(secret, keys[last]), key),
            ],
        )  # fmt: skip
    return {**keys, last + 1: key}, last + 1


def _wrapped_anew(connection: Connection, tenant: UUID, keys: dict[int, bytes], newest: int) -> int:
    with _transaction(connection, tenant):
        rows = connection.execute(
            "SELECT subject, version, tenant_version, wrapped FROM privacy.subject_key "
            "WHERE tenant = %s AND tenant_version < %s ORDER BY subject, version LIMIT %s FOR UPDATE",
            [tenant, newest, BATCH],
        ).fetchall()
        if rows:
            with connection.cursor() as cursor:
                cursor.executemany(
                    "UPDATE privacy.subject_key SET wrapped = %s, tenant_version = %s "
                    "WHERE tenant = %s AND subject = %s AND version = %s",
                    [
                        (
                            seals.wrapped(seals.unwrapped(box, keys[under]), keys[newest]),
                            newest,
                            tenant,
                            subject,
                            version,
                        )
                        for subject, version, under, box in rows
                    ],
                )
        return len(rows)


@contextlib.contextmanager
def _transaction(connection: Connection, tenant: UUID) -> Iterator[None]:
    """One that says whose keys are meant."""
    with connection.transaction():
        connection.execute("SELECT set_config('app.tenant', %s, true)", [str(tenant)])
        yield
