"""Brings a database to the present shape: the numbered SQL files beside this one, each applied once, in order.

Not yoyo: its lock is a row in a table, which a `kill -9` leaves behind until somebody breaks it by hand, and it cuts
files at semicolons by guessing where a function body ends. An advisory lock dies with its connection, and a file
sent whole is read by the server alone. A file that was changed after it was applied is refused: history is not edited.
"""

import hashlib
import time
from pathlib import Path

import psycopg
from psycopg import sql

from infrastructure.jobs.schema import install

APP_ROLE = "daybook_app"
"""What the application's connections become: it may call functions and read views, those of one tenant at a time; it
owns nothing."""
PROJECTOR_ROLE = "daybook_projector"
"""What follows the log: it reads the events of all tenants and writes the views."""
SIGNER_ROLE = "daybook_signer"
"""What vouches for the audit trail."""
KEYS_ROLE = "daybook_keys"
"""What opens and makes people's keys: nobody else may look at them, and it may look at hardly anything else."""
ROLES = (APP_ROLE, PROJECTOR_ROLE, KEYS_ROLE, SIGNER_ROLE)

_FOLDER = Path(__file__).parent / "migrations"
_LOCK = 0x6461_7962_6F6F_6B00  # "daybook"


class EditedMigration(Exception):
    """A migration was changed after it had been applied: write a new one."""


def migrate(url: str, folder: Path = _FOLDER) -> list[str]:
    """Applies what is missing and returns the names of what it applied. Safe to run from many processes at once."""
    applied: list[str] = []
    with psycopg.connect(url, autocommit=True, connect_timeout=10) as connection:
        ensure_roles(connection)
        connection.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
        connection.execute(
            "CREATE TABLE IF NOT EXISTS public.daybook_migration (id text PRIMARY KEY, sha256 text NOT NULL, "
            "applied_at timestamptz NOT NULL DEFAULT clock_timestamp())"
        )
        known: dict[str, str] = dict(connection.execute("SELECT id, sha256 FROM public.daybook_migration").fetchall())
        for file in sorted(folder.glob("[0-9]*.sql")):
            text = file.read_bytes()
            digest = hashlib.sha256(text).hexdigest()
            if file.stem in known:
                if known[file.stem] != digest:
                    raise EditedMigration(f"{file.name} was changed after it had been applied: write a new one")
                continue
            with connection.transaction():
                connection.execute(text)
                connection.execute(
                    "INSERT INTO public.daybook_migration (id, sha256) VALUES (%s, %s)", [file.stem, digest]
                )
            applied.append(file.stem)
        if folder == _FOLDER:
            connection.execute("SELECT event_store.adopt_cluster()")
            applied += install(connection)
    return applied


def ensure_roles(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    """The roles of the house, and the caller's membership in them.

    Roles belong to the whole cluster, so that databases which are migrated side by side meet here, where no advisory
    lock of one database is seen by another: a collision is simply tried again.
    """
    for name in ROLES:
        _ensure_role(connection, name)


def _ensure_role(connection: psycopg.Connection[tuple[object, ...]], name: str) -> None:
    role = sql.Identifier(name)
    for attempt in range(20):
        try:
            if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name]).fetchone():
                connection.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(role))
            if connection.execute(
                "SELECT 1 FROM pg_roles WHERE rolname = current_user AND NOT rolsuper AND NOT EXISTS (SELECT 1 FROM "
                "pg_auth_members m WHERE m.member = pg_roles.oid AND m.roleid = %s::regrole)",
                [name],
            ).fetchone():
                connection.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(role))
            return
        except (psycopg.errors.UniqueViolation, psycopg.errors.DuplicateObject, psycopg.errors.InternalError_):
            if attempt == 19:
                raise
            time.sleep(0.01 * (attempt + 1))
