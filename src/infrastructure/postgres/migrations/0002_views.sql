-- What the views share, and the numbers that references are made from.
--
-- The tables of the views themselves are not here: each view's file holds its tables (projections/<context>/<view>.py),
-- because a rebuild must create the very same tables a second time, beside the live ones; said twice, once here and
-- once there, they would drift apart. `projections.view.prepare` creates them after the migrations.

CREATE SCHEMA read;                                     -- the live tables
CREATE SCHEMA rebuild;                                  -- the generation that is being built beside them

-- How far each view has read. It moves in the transaction that writes the view's rows, and only from where the writer
-- believes it to stand: so every event counts once, whoever else is writing.
CREATE TABLE read.position (
  view text NOT NULL,                                   -- 'calendar'; 'rebuild:calendar' while it is being rebuilt
  position bigint NOT NULL DEFAULT 0,
  epoch bigint NOT NULL DEFAULT 0,                      -- moves when parked streams are taken up again, or tables are swapped
  definition text NOT NULL,                             -- digest of tables and code: other code needs a rebuild
  moved_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT position_pkey PRIMARY KEY (view)) WITH (fillfactor = 50);

-- Events that a view could not take in, and those of the same stream that came after them.
CREATE TABLE read.parked (
  view text NOT NULL,
  tenant uuid NOT NULL,
  stream uuid NOT NULL,
  version bigint NOT NULL,
  position bigint NOT NULL,
  tag text NOT NULL,
  error text,                                           -- NULL: it only waits behind an earlier one
  parked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT parked_pkey PRIMARY KEY (view, tenant, stream, version));

GRANT USAGE ON SCHEMA read TO daybook_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON read.position, read.parked TO daybook_app;

-- Numbers that no two commands get, in blocks. A row and not a sequence: a row moves with a dump and with logical
-- replication as the events do, a sequence's value does not, and a number that came again would be a reference that
-- came again. Gaps are fine; one short update for each few hundred numbers is no bottleneck.
CREATE TABLE event_store.number (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  next bigint NOT NULL CHECK (next >= 0)) WITH (fillfactor = 50);
INSERT INTO event_store.number (next) VALUES (1);

CREATE FUNCTION event_store.reserve_numbers(count integer) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, event_store, pg_temp AS $$
DECLARE
  first bigint;
BEGIN
  IF count < 1 THEN
    RAISE EXCEPTION 'a block has at least one number' USING ERRCODE = '22023';
  END IF;
  UPDATE number SET next = next + count RETURNING next - count INTO STRICT first;
  RETURN first;
END $$;

REVOKE ALL ON FUNCTION event_store.reserve_numbers FROM public;
GRANT EXECUTE ON FUNCTION event_store.reserve_numbers TO daybook_app;
