"""The tables of jobs, in a schema of their own beside what they follow from.

The package brings its schema as one file and takes its names from the search path. It is installed once under the
name of the version that was read here; another version with other tables needs a step written for it, since its own
migrations are meant for hands.
"""

import hashlib
from typing import Any

import psycopg

SCHEMA = "jobs"
NAME = "jobs_procrastinate_3.10"
ROLE = "daybook_app"

_OURS = """
CREATE TABLE jobs.position (
  follower text PRIMARY KEY,
  position bigint NOT NULL DEFAULT 0,
  moved_at timestamptz NOT NULL DEFAULT clock_timestamp());
CREATE TABLE jobs.missed (
  position bigint PRIMARY KEY,
  tenant uuid NOT NULL,
  stream uuid NOT NULL,
  version bigint NOT NULL,
  tag text NOT NULL,
  error text NOT NULL,
  missed_at timestamptz NOT NULL DEFAULT clock_timestamp());
INSERT INTO jobs.position (follower) VALUES ('reactions');
-- What waits for next year must not be read whenever somebody looks for what is due now.
CREATE INDEX due ON jobs.procrastinate_jobs (scheduled_at) WHERE status = 'todo';
-- Its functions look for their tables here, whoever calls them from wherever.
DO $$
DECLARE f regprocedure;
BEGIN
  FOR f IN SELECT oid::regprocedure FROM pg_proc WHERE pronamespace = 'jobs'::regnamespace LOOP
    EXECUTE format('ALTER FUNCTION %s SET search_path = jobs, pg_temp', f);
  END LOOP;
END $$;
GRANT USAGE ON SCHEMA jobs TO daybook_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA jobs TO daybook_app;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA jobs TO daybook_app;
"""


class OtherJobs(Exception):
    """The installed procrastinate has another schema than the tables: write a step that leads from one to the other."""


def install(connection: psycopg.Connection[Any]) -> list[str]:
    """Makes the tables where there are none; names what it did. The caller keeps others from doing it meanwhile."""
    from procrastinate.schema import SchemaManager  # here: an API that migrates nothing starts without it

    text = SchemaManager.get_schema()
    digest = hashlib.sha256((text + _OURS).encode()).hexdigest()
    row = connection.execute("SELECT sha256 FROM public.daybook_migration WHERE id = %s", [NAME]).fetchone()
    if row is not None:
        if row[0] != digest:
            raise OtherJobs(OtherJobs.__doc__)
        return []
    with connection.transaction():
        connection.execute("CREATE SCHEMA jobs")
        connection.execute("SET LOCAL search_path = jobs")
        connection.execute(text)
        connection.execute(_OURS)
        connection.execute("INSERT INTO public.daybook_migration (id, sha256) VALUES (%s, %s)", [NAME, digest])
    return [NAME]
