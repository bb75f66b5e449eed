-- The event store: the log, the commands that wrote it, and the claims and capacities that follow from it.
--
-- Nobody but the functions below touches the tables: they run as the owner (SECURITY DEFINER) with a pinned
-- search_path, take the tenant, and are all that the application's role may use. The tenant is first in every key.
-- Text about the order of the log, the locks and the watermark stands where it matters: at `append` and `read_log`.

CREATE EXTENSION IF NOT EXISTS btree_gist;
CREATE SCHEMA event_store;

CREATE TABLE event_store.event (
  tenant uuid NOT NULL,
  stream uuid NOT NULL,
  version bigint NOT NULL CHECK (version > 0),
  event_id uuid NOT NULL,
  tag text NOT NULL,
  state bytea NOT NULL,
  metadata bytea NOT NULL,
  recorded_at timestamptz NOT NULL,
  position bigint NOT NULL,
  CONSTRAINT event_pkey PRIMARY KEY (tenant, stream, version));
-- Not unique: a unique one would forbid partitions by tenant. That no two are equal follows from the transaction id.
CREATE INDEX event_position ON event_store.event (position);

CREATE TABLE event_store.command (
  tenant uuid NOT NULL,
  command_id uuid NOT NULL,
  name text NOT NULL,
  fingerprint bytea NOT NULL,
  result bytea NOT NULL,
  position bigint NOT NULL,
  recorded_at timestamptz NOT NULL,
  keep boolean NOT NULL,
  CONSTRAINT command_pkey PRIMARY KEY (tenant, command_id));
-- Commands are forgotten by age, in the order in which they came: the cheapest index that can find them.
CREATE INDEX command_age ON event_store.command USING brin (recorded_at);

CREATE TABLE event_store.capacity (
  tenant uuid NOT NULL,
  resource uuid NOT NULL,
  capacity integer NOT NULL CHECK (capacity > 0),
  -- From when on the exclusion constraint alone is enough, where there is one unit: claims that were over when it
  -- shrank to one stand outside the constraint, and what would reach back to them is swept like any other.
  guarded_from timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT capacity_pkey PRIMARY KEY (tenant, resource));

-- What occupies what. Rows follow from events alone (domain.claims), so that they can be proven and rebuilt.
CREATE TABLE event_store.claim (
  tenant uuid NOT NULL,
  resource uuid NOT NULL,
  booking uuid NOT NULL,
  item integer NOT NULL,
  during tstzrange NOT NULL CHECK (NOT isempty(during)),
  units integer NOT NULL CHECK (units > 0),
  expires_at timestamptz,
  single boolean NOT NULL,                              -- the resource has one unit: the constraint below guards it
  authorised boolean NOT NULL DEFAULT false,            -- overbooked on somebody's authority: outside both guards
  CONSTRAINT claim_pkey PRIMARY KEY (tenant, booking, item),
  CONSTRAINT claim_no_overlap EXCLUDE USING gist (tenant WITH =, resource WITH =, during WITH &&) WHERE (single));
-- The other half of the rows. Two partial indexes, so that a claim is written into one of them only; who asks for a
-- range asks both.
CREATE INDEX claim_during ON event_store.claim USING gist (tenant, resource, during) WHERE (NOT single);
CREATE INDEX claim_expiry ON event_store.claim (expires_at) WHERE expires_at IS NOT NULL;

-- One row. Transaction ids start again in another cluster: what is added to them so that positions go on growing.
CREATE TABLE event_store.cluster (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  xid_offset bigint NOT NULL CHECK (xid_offset >= 0));
INSERT INTO event_store.cluster (xid_offset) VALUES (0);


-- The most units of a resource in use at any instant of a period, by the sweep of the claims' edges.
CREATE FUNCTION event_store.peak(t uuid, what uuid, period tstzrange) RETURNS integer
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, event_store, pg_temp AS $$
BEGIN
  RETURN (
    SELECT coalesce(max(used), 0) FROM (
      SELECT sum(step) OVER (ORDER BY at, step) AS used
      FROM (SELECT during, units FROM claim
             WHERE tenant = t AND resource = what AND during && period AND NOT single AND NOT authorised
            UNION ALL
            SELECT during, units FROM claim WHERE tenant = t AND resource = what AND during && period AND single) c,
        LATERAL (VALUES (greatest(lower(c.during), lower(period)), c.units), (upper(c.during), -c.units)) edge (at, step)
    ) swept);
END $$;


-- The key of an advisory lock: 63 bits of the name's hash; the lowest bit is free to say "shared".
CREATE FUNCTION event_store.lock_key(t uuid, name text) RETURNS bigint LANGUAGE sql IMMUTABLE
RETURN hashtextextended(name, hashtextextended(t::text, 0)) & -2::bigint;


-- The locked way begins here: the first act of its transaction. Sorted by the key, as `append` does it.
CREATE FUNCTION event_store.lock(t uuid, names text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, event_store, pg_temp AS $$
DECLARE
  k bigint;
BEGIN
  FOR k IN SELECT DISTINCT lock_key(t, name) FROM unnest(names) name ORDER BY 1 LOOP
    PERFORM pg_advisory_xact_lock(k);
  END LOOP;
END $$;


-- One command, one call, one commit.
--
-- Every lock before the transaction id. A transaction that had its id first and then waited would stand in the log
-- before the one it waited for: "B booked" before "A cancelled" for the same slot. So the first act is to lock (the
-- command by a try; then, sorted, what is written, claimed, released and counted exclusively, what was read shared),
-- and only then is anything written. Each statement after the locks sees what was committed while it waited; that
-- needs READ COMMITTED and a volatile function, and is asserted.
--
-- One list of locks in one order, so that no two callers wait for each other in a circle. A key's lowest bit says
-- "shared": one that is wanted both ways comes exclusive first, so that nobody ever raises a shared lock. `nowait`: the
-- caller holds locks already, and whoever holds and waits can deadlock: it gives up instead.
--
-- Fast because what is NULL is not looked at, because expressions that read no table (locks and hashes among them) cost
-- plpgsql a tenth of a statement, and because there are only three statements on the way of a plain booking.
CREATE FUNCTION event_store.append(
  t uuid, command uuid, name text, fingerprint bytea, result bytea, keep boolean, nowait boolean, decided_at timestamptz,
  read_streams uuid[], read_versions bigint[], also text[],
  released uuid[], settled uuid[],
  resources uuid[], bookings uuid[], items integer[], starts timestamptz[], ends timestamptz[], wanted integer[],
  expires timestamptz[],
  resized uuid[], capacities integer[],
  streams uuid[], versions bigint[], event_ids uuid[], tags text[], states bytea[], metadata bytea,
  OUT last_position bigint, OUT recorded_at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, event_store, pg_temp AS $$
#variable_conflict use_variable
DECLARE
  seed bigint := hashtextextended(t::text, 0);
  keys bigint[] := '{}';
  key bigint;
  had boolean;
  count integer := coalesce(cardinality(streams), 0);
  count_of_keys integer;
  room integer;
  used integer;
  ignored text;
BEGIN
  ignored := set_config('app.tenant', t::text, true);
  IF NOT pg_try_advisory_xact_lock(hashtextextended(command::text, seed) | 1) THEN
    RAISE EXCEPTION 'the same command is being carried out' USING ERRCODE = '55P03', CONSTRAINT = 'command_in_flight';
  END IF;

  -- Claims follow from the events of this command: they can only be those of streams that it writes.
  streams := coalesce(streams, '{}');
  IF NOT (bookings <@ streams AND released <@ streams AND settled <@ streams AND resized <@ streams) THEN
    RAISE EXCEPTION 'claims without events' USING ERRCODE = '23514', CONSTRAINT = 'claims_follow_events';
  END IF;

  FOR k IN 1 .. count LOOP
    IF k = 1 OR streams[k] <> streams[k - 1] THEN
      keys := keys || (hashtextextended(streams[k]::text, seed) & -2);
    END IF;
  END LOOP;
  FOR k IN 1 .. coalesce(cardinality(resources), 0) LOOP
    keys := keys || (hashtextextended(resources[k]::text, seed) & -2);
  END LOOP;
  FOR k IN 1 .. coalesce(cardinality(read_streams), 0) LOOP
    keys := keys || (hashtextextended(read_streams[k]::text, seed) | 1);
  END LOOP;
  FOR k IN 1 .. coalesce(cardinality(also), 0) LOOP
    keys := keys || (hashtextextended(also[k], seed) & -2);
  END LOOP;
  -- Looked up before the locks: should they change until then, the stream's version has moved as well.
  IF released IS NOT NULL THEN
    keys := keys || ARRAY(SELECT lock_key(t, c.resource::text) FROM claim c WHERE c.tenant = t AND c.booking = ANY (released));
  END IF;
  IF settled IS NOT NULL THEN                           -- shared: against a resize, not against each other
    keys := keys || ARRAY(SELECT lock_key(t, c.resource::text) | 1 FROM claim c
                          WHERE c.tenant = t AND c.booking = ANY (settled));
  END IF;
  count_of_keys := cardinality(keys);
  IF count_of_keys = 2 THEN
    IF keys[1] > keys[2] THEN keys := ARRAY[keys[2], keys[1]]; END IF;
  ELSIF count_of_keys > 2 THEN
    keys := ARRAY(SELECT DISTINCT x FROM unnest(keys) x ORDER BY x);
  END IF;
  FOREACH key IN ARRAY keys LOOP
    IF nowait THEN
      IF NOT (key & 1 = 1 AND pg_try_advisory_xact_lock_shared(key & -2) OR key & 1 = 0 AND pg_try_advisory_xact_lock(key)) THEN
        RAISE EXCEPTION 'a lock is held by another command' USING ERRCODE = '55P03', CONSTRAINT = 'lock_busy';
      END IF;
    ELSIF key & 1 = 1 THEN
      had := pg_advisory_xact_lock_shared(key & -2) IS NULL;
    ELSE
      had := pg_advisory_xact_lock(key) IS NULL;
    END IF;
  END LOOP;
  IF pg_current_xact_id_if_assigned() IS NOT NULL THEN
    RAISE EXCEPTION 'something was written before the locks were had: positions would lie'
      USING ERRCODE = '25001', CONSTRAINT = 'locks_before_id';
  END IF;
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'what was committed while waiting would not be seen' USING ERRCODE = '25001', CONSTRAINT = 'fresh_eyes';
  END IF;

  -- What the decision saw must not have moved since.
  FOR k IN 1 .. coalesce(cardinality(read_streams), 0) LOOP
    IF coalesce((SELECT max(e.version) FROM event e WHERE e.tenant = t AND e.stream = read_streams[k]), 0)
       IS DISTINCT FROM read_versions[k] THEN
      RAISE EXCEPTION 'decided on an older state' USING ERRCODE = '40001', CONSTRAINT = 'read_set_moved';
    END IF;
  END LOOP;
  FOR k IN 1 .. count LOOP                              -- versions run 1..n; that the next one is free the key sees
    IF versions[k] > 1 AND NOT (k > 1 AND streams[k] = streams[k - 1] AND versions[k] = versions[k - 1] + 1) THEN
      IF versions[k] - 1 IS DISTINCT FROM greatest(
           (SELECT max(e.version) FROM event e WHERE e.tenant = t AND e.stream = streams[k]),
           (SELECT max(e.v) FROM unnest(streams[:k - 1], versions[:k - 1]) e (s, v) WHERE e.s = streams[k])) THEN
        RAISE EXCEPTION 'the stream is not where the decision saw it' USING ERRCODE = '40001', CONSTRAINT = 'read_set_moved';
      END IF;
    END IF;
  END LOOP;

  recorded_at := clock_timestamp();
  IF decided_at IS NULL THEN decided_at := recorded_at; END IF;

  IF released IS NOT NULL THEN
    -- A dead hold may be let go, but not moved or made firm: nobody displaces the claim that it no longer is.
    IF EXISTS (SELECT FROM claim c WHERE c.tenant = t AND c.booking = ANY (released) AND c.expires_at <= decided_at
                 AND c.booking = ANY (bookings)) THEN
      RAISE EXCEPTION 'the hold is past its expiry' USING ERRCODE = '40001', CONSTRAINT = 'hold_expired';
    END IF;
    DELETE FROM claim c WHERE c.tenant = t AND c.booking = ANY (released);
  END IF;
  IF settled IS NOT NULL THEN
    IF EXISTS (SELECT FROM claim c WHERE c.tenant = t AND c.booking = ANY (settled) AND c.expires_at <= decided_at) THEN
      RAISE EXCEPTION 'the hold is past its expiry' USING ERRCODE = '40001', CONSTRAINT = 'hold_expired';
    END IF;
    UPDATE claim c SET expires_at = NULL WHERE c.tenant = t AND c.booking = ANY (settled) AND c.expires_at IS NOT NULL;
  END IF;
  FOR k IN 1 .. coalesce(cardinality(resized), 0) LOOP
    used := peak(t, resized[k], tstzrange(decided_at, NULL));
    IF used > capacities[k] THEN
      RAISE EXCEPTION 'more is in use' USING ERRCODE = '23P01', CONSTRAINT = 'capacity_in_use',
        DETAIL = resized[k]::text || ' ' || used::text;
    END IF;
    INSERT INTO capacity AS c VALUES (t, resized[k], capacities[k], '-infinity')
      ON CONFLICT ON CONSTRAINT capacity_pkey DO UPDATE SET capacity = excluded.capacity, guarded_from = decided_at;
    -- Which guard applies. A resource that shrinks to one leaves what is over as it was: it may have overlapped.
    UPDATE claim c SET single = capacities[k] = 1
     WHERE c.tenant = t AND c.resource = resized[k] AND NOT c.authorised AND c.single <> (capacities[k] = 1)
       AND (capacities[k] > 1 OR upper(c.during) > decided_at);
  END LOOP;
  FOR k IN 1 .. coalesce(cardinality(resources), 0) LOOP
    -- One unit: the constraint is the guard, and the row goes straight in.
    IF wanted[k] = 1 THEN
      INSERT INTO claim (tenant, resource, booking, item, during, units, expires_at, single)
        SELECT t, resources[k], bookings[k], items[k], tstzrange(starts[k], ends[k]), 1, expires[k], true
          FROM capacity c WHERE c.tenant = t AND c.resource = resources[k] AND c.capacity = 1 AND c.guarded_from <= starts[k];
      CONTINUE WHEN FOUND;
    END IF;
    SELECT c.capacity INTO room FROM capacity c WHERE c.tenant = t AND c.resource = resources[k];
    IF room IS NULL OR wanted[k] > room OR peak(t, resources[k], tstzrange(starts[k], ends[k])) + wanted[k] > room THEN
      RAISE EXCEPTION 'too few units are left' USING ERRCODE = '23P01', CONSTRAINT = 'claim_capacity';
    END IF;
    INSERT INTO claim (tenant, resource, booking, item, during, units, expires_at, single)
      VALUES (t, resources[k], bookings[k], items[k], tstzrange(starts[k], ends[k]), wanted[k], expires[k], false);
  END LOOP;

  IF count = 0 THEN                                     -- nothing happened: the answer is where that was seen
    last_position := coalesce((SELECT max(e.position) FROM unnest(read_streams, read_versions) r (s, v)
      JOIN event e ON e.tenant = t AND e.stream = r.s AND e.version = r.v), 0);
    INSERT INTO command VALUES (t, command, name, fingerprint, result, last_position, recorded_at, keep);
    RETURN;
  END IF;
  INSERT INTO command AS c
    SELECT t, command, name, fingerprint, result, ((pg_current_xact_id()::text::bigint + o.xid_offset) << 20) + count,
           recorded_at, keep
      FROM cluster o
    RETURNING c.position INTO last_position;
  INSERT INTO event
    SELECT t, e.s, e.v, e.i, e.g, e.d, metadata, recorded_at, last_position - count + e.n
      FROM unnest(streams, versions, event_ids, tags, states) WITH ORDINALITY e (s, v, i, g, d, n);
END $$;


-- Why a claim was refused, for the loser: asked after the fact, so that winners do not pay for it. The first item that
-- does not fit; NULL when all fit by now. `until`: when so many units are free again; `holds`: past their expiry and
-- in the way; `held`: a live hold is in the way, so that the answer may yet change.
CREATE FUNCTION event_store.refusal(
  t uuid, decided_at timestamptz,
  resources uuid[], bookings uuid[], starts timestamptz[], ends timestamptz[], wanted integer[],
  OUT resource uuid, OUT until timestamptz, OUT free integer, OUT holds uuid[], OUT held boolean)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, event_store, pg_temp AS $$
#variable_conflict use_column
DECLARE
  room integer;
  judged timestamptz := coalesce(decided_at, clock_timestamp());
BEGIN
  FOR k IN 1 .. coalesce(cardinality(resources), 0) LOOP
    SELECT c.capacity INTO room FROM capacity c WHERE c.tenant = t AND c.resource = resources[k];
    IF room IS NULL THEN
      resource := resources[k]; free := 0; holds := '{}'; held := false;
      RETURN;
    END IF;
    WITH standing AS MATERIALIZED (
      SELECT c.booking, c.during, c.units, c.expires_at FROM claim c
       WHERE c.tenant = t AND c.resource = resources[k] AND c.during && tstzrange(starts[k], ends[k])
         AND NOT c.single AND NOT c.authorised AND c.booking <> ALL (bookings)
      UNION ALL
      SELECT c.booking, c.during, c.units, c.expires_at FROM claim c
       WHERE c.tenant = t AND c.resource = resources[k] AND c.during && tstzrange(starts[k], ends[k])
         AND c.single AND c.booking <> ALL (bookings)),
    swept AS (
      SELECT sum(step) OVER (ORDER BY at, step ROWS UNBOUNDED PRECEDING) AS used, lead(at) OVER (ORDER BY at, step) AS until_then
      FROM standing s, LATERAL (VALUES (greatest(lower(s.during), starts[k]), s.units), (upper(s.during), -s.units)) edge (at, step))
    SELECT greatest(room - coalesce((SELECT max(used) FROM swept), 0), 0),
           (SELECT max(until_then) FROM swept WHERE used + wanted[k] > room),
           coalesce((SELECT array_agg(DISTINCT booking) FROM standing WHERE expires_at <= judged), '{}'),
           coalesce((SELECT bool_or(expires_at > judged) FROM standing), false)
      INTO free, until, holds, held;
    IF wanted[k] > free THEN
      resource := resources[k];
      IF room = 1 THEN free := NULL; END IF;            -- of one unit there is nothing to count: it is occupied
      RETURN;
    END IF;
  END LOOP;
  free := NULL; until := NULL; holds := NULL; held := NULL;
END $$;


-- What became of a command. Whoever carries it out holds its lock until the commit is visible, so that after a wait
-- for that lock "not there" is certain. The wait is bounded by the caller's lock_timeout (55P03).
CREATE FUNCTION event_store.command_outcome(t uuid, command uuid, patience interval)
RETURNS TABLE (at_position bigint, at timestamptz, answer bytea, fingerprint bytea)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, event_store, pg_temp AS $$
DECLARE
  ignored text;
BEGIN
  IF patience IS NOT NULL THEN
    ignored := set_config('lock_timeout', (extract(epoch FROM patience) * 1000)::integer::text, true);
    PERFORM pg_advisory_xact_lock_shared(hashtextextended(command::text, hashtextextended(t::text, 0)) | 1);
  END IF;
  RETURN QUERY SELECT c.position, c.recorded_at, c.result, c.fingerprint FROM command c
    WHERE c.tenant = t AND c.command_id = command;
END $$;


-- Several streams in one query, with the clock: one row at least, whose other columns are NULL where there is nothing.
CREATE FUNCTION event_store.read_streams(t uuid, wanted uuid[])
RETURNS TABLE (at timestamptz, stream uuid, version bigint, event_id uuid, tag text, state bytea, metadata bytea,
               recorded_at timestamptz, at_position bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, event_store, pg_temp AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
    SELECT clock.at, e.stream, e.version, e.event_id, e.tag, e.state, e.metadata, e.recorded_at, e.position
      FROM (SELECT clock_timestamp() AS at) clock
      LEFT JOIN event e ON e.tenant = t AND e.stream = ANY (wanted)
     ORDER BY e.stream, e.version;
END $$;


-- Part of one stream, for the library's repository.
CREATE FUNCTION event_store.read_stream(t uuid, one uuid, after bigint, up_to bigint, backwards boolean, most integer)
RETURNS TABLE (version bigint, tag text, state bytea)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, event_store, pg_temp AS $$
#variable_conflict use_column
BEGIN
  IF backwards THEN
    RETURN QUERY SELECT e.version, e.tag, e.state FROM event e
      WHERE e.tenant = t AND e.stream = one AND e.version > coalesce(after, 0) AND e.version <= coalesce(up_to, 9223372036854775807)
      ORDER BY e.version DESC LIMIT most;
  ELSE
    RETURN QUERY SELECT e.version, e.tag, e.state FROM event e
      WHERE e.tenant = t AND e.stream = one AND e.version > coalesce(after, 0) AND e.version <= coalesce(up_to, 9223372036854775807)
      ORDER BY e.version LIMIT most;
  END IF;
END $$;


-- The first position that a running transaction could still take: everything before it is settled for ever.
CREATE FUNCTION event_store.watermark() RETURNS bigint
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, event_store, pg_temp AS $$
BEGIN
  RETURN (pg_snapshot_xmin(pg_current_snapshot())::text::bigint + (SELECT c.xid_offset FROM cluster c)) << 20;
END $$;


-- The log in its order, all tenants: for those who follow it. Ids are taken before commits, so a reader that took what
-- it sees would pass over what commits later with an earlier id; below the watermark nothing can come any more. The
-- snapshot of the rows and that of the watermark are one: the function is stable.
CREATE FUNCTION event_store.read_log(after bigint, most integer)
RETURNS TABLE (at_position bigint, tenant uuid, stream uuid, version bigint, event_id uuid, tag text, state bytea,
               metadata bytea, recorded_at timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, event_store, pg_temp SET enable_sort = off AS $$
#variable_conflict use_column
DECLARE
  before bigint := watermark();
BEGIN
  RETURN QUERY SELECT e.position, e.tenant, e.stream, e.version, e.event_id, e.tag, e.state, e.metadata, e.recorded_at
    FROM event e WHERE e.position > after AND e.position < before ORDER BY e.position LIMIT most;
END $$;


-- How far a follower is behind: events it has not seen (counted up to `most`), when the oldest was recorded, where
-- the log ends, and up to where it may be read now.
CREATE FUNCTION event_store.lag(after bigint, most integer,
  OUT behind bigint, OUT oldest timestamptz, OUT last_position bigint, OUT readable_before bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, event_store, pg_temp AS $$
BEGIN
  SELECT count(*) INTO behind FROM (SELECT FROM event e WHERE e.position > after LIMIT most) unseen;
  SELECT e.recorded_at INTO oldest FROM event e WHERE e.position > after ORDER BY e.position LIMIT 1;
  SELECT max(e.position) INTO last_position FROM event e;
  readable_before := watermark();
END $$;


-- What occupies these resources within a period.
CREATE FUNCTION event_store.claims_in(t uuid, resources uuid[], period tstzrange)
RETURNS TABLE (resource uuid, booking uuid, item integer, starts_at timestamptz, ends_at timestamptz, units integer,
               expires_at timestamptz, authorised boolean)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, event_store, pg_temp AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
    SELECT found.* FROM unnest(resources) r (id), LATERAL (
      SELECT c.resource, c.booking, c.item, lower(c.during) AS starts_at, upper(c.during), c.units, c.expires_at, c.authorised
        FROM claim c WHERE c.tenant = t AND c.resource = r.id AND c.during && period AND c.single
      UNION ALL
      SELECT c.resource, c.booking, c.item, lower(c.during), upper(c.during), c.units, c.expires_at, c.authorised
        FROM claim c WHERE c.tenant = t AND c.resource = r.id AND c.during && period AND NOT c.single) found
     ORDER BY found.resource, found.starts_at, found.booking, found.item;
END $$;


-- Holds past their expiry, oldest first, all tenants: for the sweeper, who expires them through the front door.
CREATE FUNCTION event_store.expired_holds(most integer) RETURNS TABLE (tenant uuid, booking uuid, expires_at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, event_store, pg_temp AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY SELECT c.tenant, c.booking, min(c.expires_at) FROM claim c WHERE c.expires_at <= clock_timestamp()
    GROUP BY c.tenant, c.booking ORDER BY min(c.expires_at) LIMIT most;
END $$;


-- Answers are kept for replay for a while; an import's for ever.
CREATE FUNCTION event_store.forget_commands(older_than interval, most integer) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, event_store, pg_temp AS $$
DECLARE
  gone bigint;
BEGIN
  DELETE FROM command WHERE ctid = ANY (ARRAY(
    SELECT c.ctid FROM command c WHERE c.recorded_at < clock_timestamp() - older_than AND NOT c.keep LIMIT most));
  GET DIAGNOSTICS gone = ROW_COUNT;
  RETURN gone;
END $$;


-- A log that was moved here (dump, logical replication) may be ahead of this cluster's transaction ids: raise the
-- offset until what comes next comes after. Each new connection asks; true when it had to be raised. One snapshot
-- serves both sides, so that a running log never looks moved.
CREATE FUNCTION event_store.adopt_cluster() RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, event_store, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM cluster c WHERE (SELECT max(e.position) FROM event e) >> 20
                   >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint + c.xid_offset) THEN
    RETURN false;
  END IF;
  UPDATE cluster c SET xid_offset = needed.n
    FROM (SELECT ((SELECT max(e.position) FROM event e) >> 20) + 1
                 - pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS n) needed
   WHERE needed.n > c.xid_offset;
  RETURN FOUND;
END $$;


REVOKE ALL ON ALL FUNCTIONS IN SCHEMA event_store FROM public;
GRANT USAGE ON SCHEMA event_store TO daybook_app;
GRANT EXECUTE ON FUNCTION
  event_store.lock, event_store.append, event_store.refusal, event_store.command_outcome, event_store.read_streams,
  event_store.read_stream, event_store.watermark, event_store.read_log, event_store.lag, event_store.claims_in,
  event_store.expired_holds, event_store.forget_commands, event_store.adopt_cluster TO daybook_app;
