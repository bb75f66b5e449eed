-- The access log: attempts that are no events (refusals, logins, looks at what is not for everybody), beside the log of
-- the events and in the same order, so that both are followed in the same way.
--
-- It is written and read through the functions below alone. Nobody is granted the table: what was recorded cannot be
-- changed or taken back by anybody but the owner.

CREATE SCHEMA access_log;

CREATE TABLE access_log.entry (
  tenant uuid NOT NULL,
  position bigint NOT NULL,                             -- in the scheme of event_store.event, of its own transaction
  at timestamptz NOT NULL,
  action text NOT NULL,
  outcome text NOT NULL CHECK (outcome IN ('success', 'denied', 'failed', 'error')),
  reason text,
  actor_id text NOT NULL,
  target_type text,
  target_id text,
  subjects uuid[] NOT NULL DEFAULT '{}',
  metadata bytea NOT NULL,                              -- actor, origin and command id, as JSON
  CONSTRAINT entry_pkey PRIMARY KEY (tenant, position));
-- For those who follow it over all tenants.
CREATE INDEX entry_position ON access_log.entry (position);


-- Several entries of one request, in their order. The transaction is this call's alone.
CREATE FUNCTION access_log.record(t uuid, entries jsonb) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, access_log, event_store, pg_temp AS $$
#variable_conflict use_variable
DECLARE
  moment timestamptz := clock_timestamp();
  first bigint;
BEGIN
  SELECT (pg_current_xact_id()::text::bigint + c.xid_offset) << 20 INTO first FROM cluster c;
  INSERT INTO entry (tenant, position, at, action, outcome, reason, actor_id, target_type, target_id, subjects, metadata)
    SELECT t, first + n, moment, o ->> 'action', o ->> 'outcome', o ->> 'reason', o ->> 'actor_id', o ->> 'target_type',
           o ->> 'target_id', ARRAY(SELECT jsonb_array_elements_text(coalesce(o -> 'subjects', '[]'))::uuid),
           convert_to(o ->> 'metadata', 'UTF8')
      FROM jsonb_array_elements(entries) WITH ORDINALITY listed (o, n);
  RETURN first + jsonb_array_length(entries);
END $$;


-- In its order, all tenants, below the watermark: nothing can come before what was read.
CREATE FUNCTION access_log.read_log(after bigint, most integer)
RETURNS TABLE (at_position bigint, tenant uuid, at timestamptz, action text, outcome text, reason text, actor_id text,
               target_type text, target_id text, subjects uuid[], metadata bytea)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, access_log, event_store, pg_temp
SET enable_sort = off AS $$
#variable_conflict use_column
DECLARE
  before bigint := watermark();
BEGIN
  RETURN QUERY SELECT e.position, e.tenant, e.at, e.action, e.outcome, e.reason, e.actor_id, e.target_type, e.target_id,
                      e.subjects, e.metadata
    FROM entry e WHERE e.position > after AND e.position < before ORDER BY e.position LIMIT most;
END $$;


REVOKE ALL ON ALL FUNCTIONS IN SCHEMA access_log FROM public;
GRANT USAGE ON SCHEMA access_log TO daybook_app;
GRANT EXECUTE ON FUNCTION access_log.record, access_log.read_log TO daybook_app;
