-- Time and capacity: buffers around claims, capacity that changes for a while, pacing, overbooking on authority that
-- counts against whoever comes after, and what counts against a person's quotas.
--
-- A resource of one unit that has none of this keeps its fast way: the exclusion constraint alone guards it, and its
-- row of capacities says from when on. `guarded_from = 'infinity'` says that there is more to look at: overrides,
-- pacing, shared buffers, or claims that were taken past the guards. Then what comes is counted, under the same lock.

ALTER TABLE event_store.claim
  ADD COLUMN before_minutes integer NOT NULL DEFAULT 0 CHECK (before_minutes BETWEEN 0 AND 1440),
  ADD COLUMN after_minutes integer NOT NULL DEFAULT 0 CHECK (after_minutes BETWEEN 0 AND 1440),
  -- Exclusive buffers are part of `during`, so that plain overlapping tells. Of shared ones `during` has nothing: they
  -- may lie over each other, and the gap to each neighbour is measured.
  ADD COLUMN shared boolean NOT NULL DEFAULT false,
  ADD COLUMN kind text NOT NULL DEFAULT 'booking' CHECK (kind IN ('booking', 'session', 'earmark'));

ALTER TABLE event_store.capacity
  ADD COLUMN pace_units integer CHECK (pace_units > 0),
  ADD COLUMN pace_minutes integer NOT NULL DEFAULT 15 CHECK (pace_minutes BETWEEN 1 AND 1440);

-- So many units instead, for a while. They never overlap: there is one answer to how many units there are.
CREATE TABLE event_store.capacity_override (
  tenant uuid NOT NULL,
  resource uuid NOT NULL,
  override uuid NOT NULL,
  during tstzrange NOT NULL CHECK (NOT isempty(during)),
  capacity integer NOT NULL CHECK (capacity >= 0),
  CONSTRAINT capacity_override_pkey PRIMARY KEY (tenant, resource, override),
  CONSTRAINT capacity_override_one_answer EXCLUDE USING gist (tenant WITH =, resource WITH =, during WITH &&));

-- What counts against a person's quotas: a row for each booking, as it stands. Those that count no more stay, because
-- a cancellation may be reversed.
CREATE TABLE event_store.tally (
  tenant uuid NOT NULL,
  booking uuid NOT NULL,
  who uuid NOT NULL,
  offering uuid,
  location uuid NOT NULL,
  resources uuid[] NOT NULL,
  starts_at timestamptz NOT NULL,
  ends_at timestamptz NOT NULL,
  state text NOT NULL DEFAULT 'live' CHECK (state IN ('live', 'over', 'late_cancel', 'no_show', 'gone')),
  CONSTRAINT tally_pkey PRIMARY KEY (tenant, booking));
CREATE INDEX tally_who ON event_store.tally (tenant, who, ends_at) WHERE state <> 'gone';

-- Moves whenever one of the person's rows does: to the number of the transaction that moved it, which is the upper
-- part of its events' positions and therefore follows from the log. Who decided by an older mark decides again.
CREATE TABLE event_store.tally_mark (
  tenant uuid NOT NULL,
  who uuid NOT NULL,
  mark bigint NOT NULL,
  CONSTRAINT tally_mark_pkey PRIMARY KEY (tenant, who));


-- What stands on a resource within a period, with the guest's own start and end: for the functions below, into whose
-- queries it is folded (no pinned path, no rights of its own).
CREATE FUNCTION event_store.claims_on(t uuid, what uuid, period tstzrange)
RETURNS TABLE (booking uuid, item integer, during tstzrange, starts_at timestamptz, ends_at timestamptz, units integer,
               expires_at timestamptz, before_minutes integer, after_minutes integer, shared boolean,
               authorised boolean, kind text)
LANGUAGE sql STABLE AS $$
  SELECT c.booking, c.item, c.during,
         lower(c.during) + CASE WHEN c.shared THEN 0 ELSE c.before_minutes END * interval '1 minute',
         upper(c.during) - CASE WHEN c.shared THEN 0 ELSE c.after_minutes END * interval '1 minute',
         c.units, c.expires_at, c.before_minutes, c.after_minutes, c.shared, c.authorised, c.kind
    FROM event_store.claim c WHERE c.tenant = t AND c.resource = what AND c.during && period AND c.single
  UNION ALL
  SELECT c.booking, c.item, c.during,
         lower(c.during) + CASE WHEN c.shared THEN 0 ELSE c.before_minutes END * interval '1 minute',
         upper(c.during) - CASE WHEN c.shared THEN 0 ELSE c.after_minutes END * interval '1 minute',
         c.units, c.expires_at, c.before_minutes, c.after_minutes, c.shared, c.authorised, c.kind
    FROM event_store.claim c WHERE c.tenant = t AND c.resource = what AND c.during && period AND NOT c.single
$$;


-- The most units of a resource in use at any instant of a period, by the sweep of the claims' edges. Whatever stands
-- counts, overbooked or not.
CREATE OR REPLACE FUNCTION event_store.peak(t uuid, what uuid, period tstzrange) RETURNS integer
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, event_store, pg_temp AS $$
BEGIN
  RETURN (
    SELECT coalesce(max(used), 0) FROM (
      SELECT sum(step) OVER (ORDER BY at, step) AS used
      FROM (SELECT during, units FROM claim
             WHERE tenant = t AND resource = what AND during && period AND NOT single
            UNION ALL
            SELECT during, units FROM claim WHERE tenant = t AND resource = what AND during && period AND single) c,
        LATERAL (VALUES (greatest(lower(c.during), lower(period)), c.units), (upper(c.during), -c.units)) edge (at, step)
    ) swept);
END $$;


-- The same where the capacity changes meanwhile, in terms of `base`: an override is use of what it takes away from the
-- base, or gives back. It weighs on the period alone: an edge of nothing at its start (what is given back later helps
-- nobody now), none at or past its end. `everybody`: what was overbooked counts too.
CREATE FUNCTION event_store.pressure(t uuid, what uuid, period tstzrange, base integer, everybody boolean)
RETURNS integer
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, event_store, pg_temp AS $$
BEGIN
  RETURN (
    SELECT max(used) FROM (
      SELECT sum(step) OVER (ORDER BY at, step) AS used FROM (
        SELECT edge.at, edge.step
          FROM (SELECT c.during, c.units FROM claims_on(t, what, period) c WHERE everybody OR NOT c.authorised
                UNION ALL
                SELECT o.during, base - o.capacity FROM capacity_override o
                 WHERE o.tenant = t AND o.resource = what AND o.during && period) c,
            LATERAL (VALUES (greatest(lower(c.during), lower(period)), c.units), (upper(c.during), -c.units)) edge (at, step)
        UNION ALL SELECT lower(period), 0) edges
      WHERE at < coalesce(upper(period), 'infinity')) swept);
END $$;


-- Whether a neighbour is nearer than the larger of the two buffers between: asked where one of the two shares its own.
CREATE FUNCTION event_store.too_near(
  t uuid, what uuid, from_at timestamptz, to_at timestamptz, minutes_before integer, minutes_after integer, sharing boolean)
RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, event_store, pg_temp AS $$
BEGIN
  RETURN EXISTS (
    SELECT FROM claims_on(t, what, tstzrange(from_at - interval '24 hours', to_at + interval '24 hours')) c
     WHERE (sharing OR c.shared)
       AND (c.ends_at <= from_at AND from_at < c.ends_at + greatest(c.after_minutes, minutes_before) * interval '1 minute'
            OR c.starts_at >= to_at AND c.starts_at < to_at + greatest(minutes_after, c.before_minutes) * interval '1 minute'));
END $$;


-- The most units that start within any window of so many minutes around an instant. Only windows that begin at a start
-- need to be looked at.
CREATE FUNCTION event_store.started(t uuid, what uuid, around timestamptz, minutes integer) RETURNS integer
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, event_store, pg_temp AS $$
DECLARE
  span interval := minutes * interval '1 minute';
BEGIN
  RETURN (
    WITH near AS MATERIALIZED (
      SELECT c.starts_at, c.units FROM claims_on(t, what, tstzrange(around - span, around + span)) c
       WHERE c.starts_at > around - span AND c.starts_at < around + span)
    SELECT max(n) FROM (
      SELECT coalesce((SELECT sum(n.units) FROM near n WHERE n.starts_at >= w.at AND n.starts_at < w.at + span), 0) AS n
        FROM (SELECT around AS at UNION SELECT starts_at FROM near WHERE starts_at <= around) w) windows);
END $$;


-- Which guard a resource needs from `since` on, after its capacity, overrides or pacing have changed: the constraint
-- alone where there is one unit and nothing else to look at. What is over stays as it was: it may have overlapped.
CREATE FUNCTION event_store.reguard(t uuid, what uuid, since timestamptz) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, event_store, pg_temp AS $$
DECLARE
  room integer;
  special boolean;
BEGIN
  SELECT c.capacity,
         c.pace_units IS NOT NULL
         OR EXISTS (SELECT FROM capacity_override o WHERE o.tenant = t AND o.resource = what AND upper(o.during) > since)
         OR EXISTS (SELECT FROM claims_on(t, what, tstzrange(since - interval '24 hours', NULL)) s
                     WHERE s.shared OR s.authorised)
    INTO room, special FROM capacity c WHERE c.tenant = t AND c.resource = what;
  UPDATE capacity c SET guarded_from = CASE WHEN special THEN 'infinity' ELSE since END
   WHERE c.tenant = t AND c.resource = what;
  IF room > 1 THEN
    UPDATE claim c SET single = false WHERE c.tenant = t AND c.resource = what AND c.single;
  ELSIF NOT special THEN
    UPDATE claim c SET single = true
     WHERE c.tenant = t AND c.resource = what AND NOT c.single AND NOT c.authorised AND upper(c.during) > since;
  END IF;
END $$;


DROP FUNCTION event_store.append(
  uuid, uuid, text, bytea, bytea, boolean, boolean, timestamptz, uuid[], bigint[], text[], uuid[], uuid[], uuid[], uuid[],
  integer[], timestamptz[], timestamptz[], integer[], timestamptz[], uuid[], integer[], uuid[], bigint[], uuid[], text[],
  bytea[], bytea);

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
-- plpgsql a tenth of a statement, and because there are only three statements on the way of a plain booking. `befores`
-- and its four neighbours are NULL where no claim has buffers, is overbooked, or is anything but a booking's; `rest` is
-- what is rare: overrides, pacing, and what counts against quotas.
CREATE FUNCTION event_store.append(
  t uuid, command uuid, name text, fingerprint bytea, result bytea, keep boolean, nowait boolean, decided_at timestamptz,
  read_streams uuid[], read_versions bigint[], also text[],
  released uuid[], settled uuid[],
  resources uuid[], bookings uuid[], items integer[], starts timestamptz[], ends timestamptz[], wanted integer[],
  expires timestamptz[],
  resized uuid[], capacities integer[],
  streams uuid[], versions bigint[], event_ids uuid[], tags text[], states bytea[], metadata bytea,
  befores integer[], afters integer[], sharing boolean[], overbooked boolean[], kinds text[],
  revived uuid[], extended uuid[], extended_to timestamptz[],
  counted uuid[], marks bigint[], rest jsonb,
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
  from_at timestamptz;
  to_at timestamptz;
  watched boolean;
  pace integer;
  pace_span integer;
  kept integer[];
  recounted uuid[];
  ignored text;
BEGIN
  ignored := set_config('app.tenant', t::text, true);
  IF NOT pg_try_advisory_xact_lock(hashtextextended(command::text, seed) | 1) THEN
    RAISE EXCEPTION 'the same command is being carried out' USING ERRCODE = '55P03', CONSTRAINT = 'command_in_flight';
  END IF;

  -- Claims follow from the events of this command: they can only be those of streams that it writes.
  streams := coalesce(streams, '{}');
  IF NOT (bookings <@ streams AND released <@ streams AND settled <@ streams AND resized <@ streams
          AND extended <@ streams) THEN
    RAISE EXCEPTION 'claims without events' USING ERRCODE = '23514', CONSTRAINT = 'claims_follow_events';
  END IF;
  IF rest IS NOT NULL THEN
    IF EXISTS (SELECT FROM jsonb_each(rest) part, jsonb_array_elements(part.value) r
                WHERE ((r ->> 'stream')::uuid = ANY (streams)) IS NOT TRUE) THEN
      RAISE EXCEPTION 'claims without events' USING ERRCODE = '23514', CONSTRAINT = 'claims_follow_events';
    END IF;
    recounted := ARRAY(SELECT DISTINCT (r ->> 'stream')::uuid FROM jsonb_each(rest) part, jsonb_array_elements(part.value) r
                        WHERE part.key IN ('tally', 'retally', 'retime'));
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
  FOR k IN 1 .. coalesce(cardinality(counted), 0) LOOP
    keys := keys || (hashtextextended('tally:' || counted[k]::text, seed) & -2);
  END LOOP;
  -- Looked up before the locks: should they change until then, the stream's version has moved as well.
  IF released IS NOT NULL THEN
    keys := keys || ARRAY(SELECT lock_key(t, c.resource::text) FROM claim c WHERE c.tenant = t AND c.booking = ANY (released));
  END IF;
  IF settled IS NOT NULL OR extended IS NOT NULL THEN   -- shared: against a resize, not against each other
    keys := keys || ARRAY(SELECT lock_key(t, c.resource::text) | 1 FROM claim c
                          WHERE c.tenant = t AND c.booking = ANY (settled || extended));
  END IF;
  IF recounted IS NOT NULL THEN                         -- who it is that a booking counts for never changes
    keys := keys || ARRAY(SELECT lock_key(t, 'tally:' || y.who::text) FROM tally y
                          WHERE y.tenant = t AND y.booking = ANY (recounted));
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
  FOR k IN 1 .. coalesce(cardinality(counted), 0) LOOP  -- -1: somebody's rows are moved without having been looked at
    IF marks[k] >= 0 AND marks[k] IS DISTINCT FROM
         coalesce((SELECT m.mark FROM tally_mark m WHERE m.tenant = t AND m.who = counted[k]), 0) THEN
      RAISE EXCEPTION 'decided on an older count' USING ERRCODE = '40001', CONSTRAINT = 'read_set_moved';
    END IF;
  END LOOP;

  recorded_at := clock_timestamp();
  IF decided_at IS NULL THEN decided_at := recorded_at; END IF;

  IF released IS NOT NULL THEN
    IF bookings && released THEN
      -- A dead hold may be let go, but not moved or made firm: nobody displaces the claim that it no longer is. (Where
      -- it is known to have been dead and still stands, nobody else has come, and it may be had again.)
      IF EXISTS (SELECT FROM claim c WHERE c.tenant = t AND c.booking = ANY (released) AND c.expires_at <= decided_at
                   AND c.booking = ANY (bookings) AND (c.booking = ANY (revived)) IS NOT TRUE) THEN
        RAISE EXCEPTION 'the hold is past its expiry' USING ERRCODE = '40001', CONSTRAINT = 'hold_expired';
      END IF;
      -- What an item has already is not taken from it: where it takes no more than it had, from the same start, no
      -- guard asks. Else an early check-out were refused because the resource has been made smaller meanwhile.
      kept := ARRAY(
        SELECT k FROM generate_subscripts(bookings, 1) k
          JOIN claim c ON c.tenant = t AND c.booking = bookings[k] AND c.item = items[k]
         WHERE c.booking = ANY (released) AND c.resource = resources[k] AND c.units >= wanted[k]
           AND c.authorised = coalesce(overbooked[k], false)
           AND lower(c.during) + CASE WHEN c.shared THEN 0 ELSE c.before_minutes END * interval '1 minute' = starts[k]
           AND c.during @> CASE WHEN coalesce(sharing[k], false) THEN tstzrange(starts[k], ends[k]) ELSE
                 tstzrange(starts[k] - coalesce(befores[k], 0) * interval '1 minute',
                           ends[k] + coalesce(afters[k], 0) * interval '1 minute') END
           AND (NOT coalesce(sharing[k], false) OR befores[k] <= c.before_minutes AND afters[k] <= c.after_minutes));
    END IF;
    DELETE FROM claim c WHERE c.tenant = t AND c.booking = ANY (released)
       AND NOT EXISTS (SELECT FROM unnest(kept) k WHERE bookings[k] = c.booking AND items[k] = c.item);
  END IF;
  IF settled IS NOT NULL OR extended IS NOT NULL THEN
    IF EXISTS (SELECT FROM claim c WHERE c.tenant = t AND c.booking = ANY (settled || extended)
                 AND c.expires_at <= decided_at) THEN
      RAISE EXCEPTION 'the hold is past its expiry' USING ERRCODE = '40001', CONSTRAINT = 'hold_expired';
    END IF;
    IF settled IS NOT NULL THEN
      UPDATE claim c SET expires_at = NULL WHERE c.tenant = t AND c.booking = ANY (settled) AND c.expires_at IS NOT NULL;
    END IF;
    IF extended IS NOT NULL THEN
      UPDATE claim c SET expires_at = x.until FROM unnest(extended, extended_to) x (booking, until)
       WHERE c.tenant = t AND c.booking = x.booking AND c.expires_at IS NOT NULL;
    END IF;
  END IF;
  FOR k IN 1 .. coalesce(cardinality(resized), 0) LOOP
    used := pressure(t, resized[k], tstzrange(decided_at, NULL), capacities[k], false);
    IF used > capacities[k] THEN
      RAISE EXCEPTION 'more is in use' USING ERRCODE = '23P01', CONSTRAINT = 'capacity_in_use',
        DETAIL = resized[k]::text || ' ' || used::text;
    END IF;
    UPDATE capacity c SET capacity = capacities[k] WHERE c.tenant = t AND c.resource = resized[k];
    IF FOUND THEN
      PERFORM reguard(t, resized[k], decided_at);
    ELSE
      INSERT INTO capacity (tenant, resource, capacity, guarded_from) VALUES (t, resized[k], capacities[k], '-infinity');
    END IF;
  END LOOP;
  IF rest IS NOT NULL THEN
    IF rest ?| ARRAY['override', 'lift', 'pace'] THEN
      PERFORM reshape(t, decided_at, rest);
    END IF;
    IF recounted <> '{}' THEN
      PERFORM recount(t, recounted, rest);
    END IF;
  END IF;
  FOR k IN 1 .. coalesce(cardinality(resources), 0) LOOP
    from_at := starts[k];
    to_at := ends[k];
    IF befores IS NOT NULL THEN
      IF NOT sharing[k] THEN
        from_at := from_at - befores[k] * interval '1 minute';
        to_at := to_at + afters[k] * interval '1 minute';
      END IF;
      IF sharing[k] OR overbooked[k] THEN               -- whoever comes after has to look closer
        UPDATE capacity c SET guarded_from = 'infinity'
         WHERE c.tenant = t AND c.resource = resources[k] AND c.guarded_from < 'infinity';
      END IF;
    END IF;
    IF k = ANY (kept) THEN
      UPDATE claim c SET during = tstzrange(from_at, to_at), units = wanted[k], expires_at = expires[k],
             before_minutes = coalesce(befores[k], 0), after_minutes = coalesce(afters[k], 0),
             shared = coalesce(sharing[k], false), kind = coalesce(kinds[k], 'booking')
       WHERE c.tenant = t AND c.booking = bookings[k] AND c.item = items[k];
      CONTINUE;
    END IF;
    -- One unit: the constraint is the guard, and the row goes straight in.
    IF wanted[k] = 1 AND (befores IS NULL OR NOT (sharing[k] OR overbooked[k])) THEN
      INSERT INTO claim (tenant, resource, booking, item, during, units, expires_at, single,
                         before_minutes, after_minutes, kind)
        SELECT t, resources[k], bookings[k], items[k], tstzrange(from_at, to_at), 1, expires[k], true,
               coalesce(befores[k], 0), coalesce(afters[k], 0), coalesce(kinds[k], 'booking')
          FROM capacity c WHERE c.tenant = t AND c.resource = resources[k] AND c.capacity = 1 AND c.guarded_from <= from_at;
      CONTINUE WHEN FOUND;
    END IF;
    SELECT c.capacity, c.guarded_from = 'infinity', c.pace_units, c.pace_minutes INTO room, watched, pace, pace_span
      FROM capacity c WHERE c.tenant = t AND c.resource = resources[k];
    IF room IS NULL THEN
      RAISE EXCEPTION 'there is no such resource' USING ERRCODE = '23P01', CONSTRAINT = 'claim_capacity';
    END IF;
    IF NOT coalesce(overbooked[k], false) THEN
      IF watched THEN
        used := pressure(t, resources[k], tstzrange(from_at, to_at), room, true);
      ELSE
        used := peak(t, resources[k], tstzrange(from_at, to_at));
      END IF;
      IF used + wanted[k] > room THEN
        RAISE EXCEPTION 'too few units are left' USING ERRCODE = '23P01', CONSTRAINT = 'claim_capacity';
      END IF;
      IF watched AND too_near(
           t, resources[k], starts[k], ends[k], coalesce(befores[k], 0), coalesce(afters[k], 0),
           coalesce(sharing[k], false)) THEN
        RAISE EXCEPTION 'a neighbour is too near' USING ERRCODE = '23P01', CONSTRAINT = 'claim_buffer';
      END IF;
      IF pace IS NOT NULL AND started(t, resources[k], starts[k], pace_span) + wanted[k] > pace THEN
        RAISE EXCEPTION 'too many start at once' USING ERRCODE = '23P01', CONSTRAINT = 'claim_pacing';
      END IF;
    END IF;
    INSERT INTO claim (tenant, resource, booking, item, during, units, expires_at, single, authorised,
                       before_minutes, after_minutes, shared, kind)
      VALUES (t, resources[k], bookings[k], items[k], tstzrange(from_at, to_at), wanted[k], expires[k], false,
              coalesce(overbooked[k], false), coalesce(befores[k], 0), coalesce(afters[k], 0),
              coalesce(sharing[k], false), coalesce(kinds[k], 'booking'));
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


-- Overrides and pacing of resources whose streams are being written. What an override would leave without room, and
-- what the end of one would, is refused like a resize; what is over is not looked at.
CREATE FUNCTION event_store.reshape(t uuid, decided_at timestamptz, rest jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, event_store, pg_temp AS $$
#variable_conflict use_column
DECLARE
  lifted capacity_override[];
  due record;
  room integer;
  used integer;
BEGIN
  WITH gone AS (
    DELETE FROM capacity_override o
      USING jsonb_to_recordset(rest -> 'lift') AS l (stream uuid, override uuid)
     WHERE o.tenant = t AND o.resource = l.stream AND o.override = l.override
    RETURNING o)
  SELECT array_agg(o) INTO lifted FROM gone;
  INSERT INTO capacity_override (tenant, resource, override, during, capacity)
    SELECT t, n.stream, n.override, tstzrange(n.starts_at, n.ends_at), n.capacity
      FROM jsonb_to_recordset(rest -> 'override')
        AS n (stream uuid, override uuid, starts_at timestamptz, ends_at timestamptz, capacity integer);
  UPDATE capacity c SET pace_units = p.units, pace_minutes = p.minutes
    FROM jsonb_to_recordset(rest -> 'pace') AS p (stream uuid, units integer, minutes integer)
   WHERE c.tenant = t AND c.resource = p.stream;
  FOR due IN
    SELECT n.stream AS resource, tstzrange(greatest(n.starts_at, decided_at), n.ends_at) AS during, n.capacity
      FROM jsonb_to_recordset(rest -> 'override')
        AS n (stream uuid, starts_at timestamptz, ends_at timestamptz, capacity integer)
     WHERE n.ends_at > decided_at
    UNION ALL
    SELECT l.resource, tstzrange(greatest(lower(l.during), decided_at), upper(l.during)), c.capacity
      FROM unnest(lifted) l JOIN capacity c ON c.tenant = t AND c.resource = l.resource
     WHERE upper(l.during) > decided_at
  LOOP
    used := pressure(t, due.resource, due.during, due.capacity, false);
    IF used > due.capacity THEN
      RAISE EXCEPTION 'more is in use' USING ERRCODE = '23P01', CONSTRAINT = 'capacity_in_use',
        DETAIL = due.resource::text || ' ' || used::text;
    END IF;
  END LOOP;
  PERFORM reguard(t, touched.stream, decided_at)
     FROM (SELECT DISTINCT (r ->> 'stream')::uuid AS stream
             FROM jsonb_each(rest) part, jsonb_array_elements(part.value) r
            WHERE part.key IN ('override', 'lift', 'pace')) touched;
END $$;


-- What counts against people's quotas, after these bookings have changed; everybody's mark whose rows are among them.
CREATE FUNCTION event_store.recount(t uuid, bookings uuid[], rest jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, event_store, pg_temp AS $$
#variable_conflict use_column
BEGIN
  INSERT INTO tally (tenant, booking, who, offering, location, resources, starts_at, ends_at, state)
    SELECT t, n.stream, n.who, n.offering, n.location, n.resources, n.starts_at, n.ends_at, n.state
      FROM jsonb_to_recordset(rest -> 'tally')
        AS n (stream uuid, who uuid, offering uuid, location uuid, resources uuid[], starts_at timestamptz,
              ends_at timestamptz, state text);
  UPDATE tally y SET resources = n.resources, starts_at = n.starts_at, ends_at = n.ends_at
    FROM jsonb_to_recordset(rest -> 'retime')
      AS n (stream uuid, resources uuid[], starts_at timestamptz, ends_at timestamptz)
   WHERE y.tenant = t AND y.booking = n.stream;
  UPDATE tally y SET state = n.state
    FROM jsonb_to_recordset(rest -> 'retally') AS n (stream uuid, state text)
   WHERE y.tenant = t AND y.booking = n.stream;
  INSERT INTO tally_mark AS m (tenant, who, mark)
    SELECT t, y.who, pg_current_xact_id()::text::bigint + o.xid_offset
      FROM cluster o, (SELECT DISTINCT y.who FROM tally y WHERE y.tenant = t AND y.booking = ANY (bookings)) y
    ON CONFLICT ON CONSTRAINT tally_mark_pkey DO UPDATE SET mark = excluded.mark;
END $$;


DROP FUNCTION event_store.refusal(
  uuid, timestamptz, uuid[], uuid[], timestamptz[], timestamptz[], integer[]);

-- Why a claim was refused, for the loser: asked after the fact, so that winners do not pay for it. The first item that
-- does not fit; NULL when all fit by now.
--
-- `cause`: occupied (of one unit), capacity (of several), buffer (the periods themselves would fit), held (a living
-- hold is in the way, so that the answer may yet change), earmark (kept for somebody who waits), pacing. `until`: when
-- so many units are free again. `free` and `peak`: units, of several. `holds` and `earmarks`: past their expiry and in
-- the way.
CREATE FUNCTION event_store.refusal(
  t uuid, decided_at timestamptz,
  resources uuid[], bookings uuid[], items integer[], starts timestamptz[], ends timestamptz[], wanted integer[],
  befores integer[], afters integer[], sharing boolean[], overbooked boolean[],
  OUT resource uuid, OUT until timestamptz, OUT free integer, OUT holds uuid[], OUT earmarks uuid[], OUT cause text,
  OUT peak integer)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, event_store, pg_temp AS $$
#variable_conflict use_variable
DECLARE
  judged timestamptz := coalesce(decided_at, clock_timestamp());
  room integer;
  pace integer;
  pace_span interval;
  one_unit boolean;
  from_at timestamptz;
  to_at timestamptz;
  before_it integer;
  after_it integer;
  shares boolean;
  most integer;
  most_held integer;
  most_firm integer;
  most_bare integer;
  is_near boolean;
  near_until timestamptz;
  in_window integer;
BEGIN
  FOR k IN 1 .. coalesce(cardinality(resources), 0) LOOP
    CONTINUE WHEN overbooked[k];
    SELECT c.capacity, c.pace_units, c.pace_minutes * interval '1 minute' INTO room, pace, pace_span
      FROM capacity c WHERE c.tenant = t AND c.resource = resources[k];
    IF room IS NULL THEN
      resource := resources[k]; free := 0; peak := 0; holds := '{}'; earmarks := '{}'; cause := 'capacity';
      RETURN;
    END IF;
    before_it := coalesce(befores[k], 0);
    after_it := coalesce(afters[k], 0);
    shares := coalesce(sharing[k], false);
    from_at := starts[k] - CASE WHEN shares THEN 0 ELSE before_it END * interval '1 minute';
    to_at := ends[k] + CASE WHEN shares THEN 0 ELSE after_it END * interval '1 minute';
    CONTINUE WHEN EXISTS (                              -- no more than it has already: no guard asked
      SELECT FROM claims_on(t, resources[k], tstzrange(from_at, to_at)) c
       WHERE c.booking = bookings[k] AND c.item = items[k] AND c.units >= wanted[k] AND c.starts_at = starts[k]
         AND c.during @> tstzrange(from_at, to_at) AND NOT c.authorised
         AND (NOT shares OR before_it <= c.before_minutes AND after_it <= c.after_minutes));
    one_unit := room = 1 AND NOT EXISTS (SELECT FROM capacity_override o WHERE o.tenant = t AND o.resource = resources[k]
                                         AND o.during && tstzrange(from_at, to_at));
    WITH standing AS MATERIALIZED (
      -- Whatever is within a day: others', and what this command has taken so far. Firm, a living hold, an earmark.
      SELECT c.*, CASE WHEN c.kind = 'earmark' THEN 2 WHEN c.kind = 'booking' AND c.expires_at > judged THEN 1 ELSE 0 END AS rank
        FROM claims_on(t, resources[k], tstzrange(from_at - interval '24 hours', to_at + interval '24 hours')) c
       WHERE c.booking <> ALL (bookings)
      UNION ALL
      SELECT bookings[j], items[j], tstzrange(
               starts[j] - CASE WHEN sharing[j] THEN 0 ELSE coalesce(befores[j], 0) END * interval '1 minute',
               ends[j] + CASE WHEN sharing[j] THEN 0 ELSE coalesce(afters[j], 0) END * interval '1 minute'),
             starts[j], ends[j], wanted[j], NULL, coalesce(befores[j], 0), coalesce(afters[j], 0),
             coalesce(sharing[j], false), coalesce(overbooked[j], false), 'booking', 0
        FROM generate_series(1, k - 1) j WHERE resources[j] = resources[k]),
    overridden AS (
      SELECT o.during, room - o.capacity AS units FROM capacity_override o
       WHERE o.tenant = t AND o.resource = resources[k] AND o.during && tstzrange(from_at, to_at)),
    pieces AS (
      SELECT s.during, s.units, s.rank, s.units AS used FROM standing s WHERE s.during && tstzrange(from_at, to_at)
      UNION ALL SELECT o.during, o.units, 0, 0 FROM overridden o),
    swept AS (
      SELECT at, sum(step) OVER line AS every, sum(held) OVER line AS held, sum(firm) OVER line AS firm,
             sum(used) OVER line AS used, lead(at) OVER line AS then_at
        FROM (SELECT greatest(lower(p.during), from_at) AS at, p.units AS step,
                     CASE WHEN p.rank < 2 THEN p.units ELSE 0 END AS held,
                     CASE WHEN p.rank < 1 THEN p.units ELSE 0 END AS firm, p.used FROM pieces p
              UNION ALL
              SELECT upper(p.during), -p.units, CASE WHEN p.rank < 2 THEN -p.units ELSE 0 END,
                     CASE WHEN p.rank < 1 THEN -p.units ELSE 0 END, -p.used FROM pieces p
              UNION ALL SELECT from_at, 0, 0, 0, 0) edges
      WINDOW line AS (ORDER BY at, step ROWS UNBOUNDED PRECEDING)),
    bare AS (
      SELECT at, sum(step) OVER (ORDER BY at, step ROWS UNBOUNDED PRECEDING) AS used
        FROM (SELECT greatest(lower(p.during), starts[k]) AS at, p.units AS step FROM (
                SELECT tstzrange(s.starts_at, s.ends_at) AS during, s.units FROM standing s WHERE s.rank = 0
                UNION ALL SELECT o.during, o.units FROM overridden o) p
               WHERE p.during && tstzrange(starts[k], ends[k])
              UNION ALL
              SELECT upper(p.during), -p.units FROM (
                SELECT tstzrange(s.starts_at, s.ends_at) AS during, s.units FROM standing s WHERE s.rank = 0
                UNION ALL SELECT o.during, o.units FROM overridden o) p
               WHERE p.during && tstzrange(starts[k], ends[k])
              UNION ALL SELECT starts[k], 0) edges),
    near AS (
      SELECT s.booking, s.ends_at + greatest(s.after_minutes, before_it) * interval '1 minute' AS open_at, s.expires_at, s.kind
        FROM standing s
       WHERE (shares OR s.shared)
         AND (s.ends_at <= starts[k] AND starts[k] < s.ends_at + greatest(s.after_minutes, before_it) * interval '1 minute'
              OR s.starts_at >= ends[k] AND s.starts_at < ends[k] + greatest(after_it, s.before_minutes) * interval '1 minute')),
    starting AS (
      SELECT s.starts_at, s.units, s.booking, s.expires_at, s.kind FROM standing s
       WHERE s.starts_at > starts[k] - pace_span AND s.starts_at < starts[k] + pace_span),
    dead AS (
      SELECT s.booking, s.kind FROM standing s WHERE s.expires_at <= judged AND s.during && tstzrange(from_at, to_at)
      UNION SELECT n.booking, n.kind FROM near n WHERE n.expires_at <= judged
      UNION SELECT s.booking, s.kind FROM starting s WHERE s.expires_at <= judged AND pace IS NOT NULL)
    SELECT (SELECT max(s.every) FROM swept s WHERE s.at < to_at),
           (SELECT max(s.held) FROM swept s WHERE s.at < to_at),
           (SELECT max(s.firm) FROM swept s WHERE s.at < to_at),
           (SELECT max(s.used) FROM swept s WHERE s.at < to_at),
           (SELECT max(b.used) FROM bare b WHERE b.at < ends[k]),
           (SELECT max(s.then_at) FROM swept s WHERE s.every + wanted[k] > room AND s.at < to_at),
           EXISTS (SELECT FROM near), (SELECT max(n.open_at) FROM near n),
           (SELECT max((SELECT coalesce(sum(s.units), 0) FROM starting s
                         WHERE s.starts_at >= w.at AND s.starts_at < w.at + pace_span))
              FROM (SELECT starts[k] AS at UNION SELECT s.starts_at FROM starting s WHERE s.starts_at <= starts[k]) w),
           coalesce((SELECT array_agg(DISTINCT d.booking) FROM dead d WHERE d.kind = 'booking'), '{}'),
           coalesce((SELECT array_agg(DISTINCT d.booking) FROM dead d WHERE d.kind = 'earmark'), '{}')
      INTO most, most_held, most_firm, peak, most_bare, until, is_near, near_until, in_window, holds, earmarks;
    resource := resources[k];
    free := greatest(room - most, 0);
    IF wanted[k] + most > room THEN
      cause := CASE WHEN wanted[k] + most_firm > room AND wanted[k] + most_bare > room AND one_unit THEN 'occupied'
                    WHEN wanted[k] + most_firm > room AND wanted[k] + most_bare > room THEN 'capacity'
                    WHEN wanted[k] + most_firm > room THEN 'buffer'
                    WHEN wanted[k] + most_held > room THEN 'held'
                    ELSE 'earmark' END;
      IF one_unit THEN free := NULL; peak := NULL; END IF;  -- of one unit there is nothing to count: it is occupied
      RETURN;
    ELSIF is_near THEN
      cause := 'buffer'; until := near_until; free := NULL; peak := NULL;
      RETURN;
    ELSIF wanted[k] + in_window > pace THEN
      cause := 'pacing'; until := NULL; free := greatest(pace - in_window, 0); peak := in_window;
      RETURN;
    END IF;
  END LOOP;
  resource := NULL; free := NULL; until := NULL; holds := NULL; earmarks := NULL; cause := NULL; peak := NULL;
END $$;


DROP FUNCTION event_store.claims_in(uuid, uuid[], tstzrange);

-- What occupies these resources within a period: the guests' own periods, with what sticks out of them. A shared buffer
-- that reaches into the period is there as well.
CREATE FUNCTION event_store.claims_in(t uuid, resources uuid[], period tstzrange)
RETURNS TABLE (resource uuid, booking uuid, item integer, starts_at timestamptz, ends_at timestamptz, units integer,
               expires_at timestamptz, authorised boolean, before integer, after integer, shared boolean, kind text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, event_store, pg_temp AS $$
#variable_conflict use_column
DECLARE
  around tstzrange := tstzrange(lower(period) - interval '24 hours', upper(period) + interval '24 hours');
BEGIN
  RETURN QUERY
    SELECT r.id, c.booking, c.item, c.starts_at, c.ends_at, c.units, c.expires_at, c.authorised, c.before_minutes,
           c.after_minutes, c.shared, c.kind
      FROM unnest(resources) r (id), LATERAL claims_on(t, r.id, around) c
     WHERE c.during && period
        OR c.shared AND tstzrange(c.starts_at - c.before_minutes * interval '1 minute',
                                  c.ends_at + c.after_minutes * interval '1 minute') && period
     ORDER BY r.id, c.starts_at, c.booking, c.item;
END $$;


-- What counts against these people's quotas, each with their mark (0: nothing ever has): one row at least for each,
-- whose other columns are NULL where there is nothing. `expires_at`: from then on a hold counts no more, swept or not.
CREATE FUNCTION event_store.tallies_of(t uuid, people uuid[], since timestamptz)
RETURNS TABLE (who uuid, mark bigint, booking uuid, offering uuid, location uuid, resources uuid[],
               starts_at timestamptz, ends_at timestamptz, state text, expires_at timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, event_store, pg_temp AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
    SELECT p.id, coalesce(m.mark, 0), y.booking, y.offering, y.location, y.resources, y.starts_at, y.ends_at, y.state,
           CASE WHEN y.state = 'live' THEN
             (SELECT min(c.expires_at) FROM claim c WHERE c.tenant = t AND c.booking = y.booking) END
      FROM unnest(people) p (id)
      LEFT JOIN tally_mark m ON m.tenant = t AND m.who = p.id
      LEFT JOIN tally y ON y.tenant = t AND y.who = p.id AND y.state <> 'gone' AND y.ends_at > coalesce(since, '-infinity')
     ORDER BY p.id, y.starts_at, y.booking;
END $$;


-- Holds past their expiry, oldest first, all tenants: for the sweeper, who expires them through the front door. What is
-- kept for those who wait has its own.
CREATE OR REPLACE FUNCTION event_store.expired_holds(most integer)
RETURNS TABLE (tenant uuid, booking uuid, expires_at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, event_store, pg_temp AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY SELECT c.tenant, c.booking, min(c.expires_at) FROM claim c
    WHERE c.expires_at <= clock_timestamp() AND c.kind = 'booking'
    GROUP BY c.tenant, c.booking ORDER BY min(c.expires_at) LIMIT most;
END $$;


-- The log of one tenant in its order, settled events alone. By the tenant's own rows and a sort, not along the log of
-- all: what it costs depends on the tenant's own log.
CREATE FUNCTION event_store.read_log_of(t uuid)
RETURNS TABLE (at_position bigint, tenant uuid, stream uuid, version bigint, event_id uuid, tag text, state bytea,
               metadata bytea, recorded_at timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, event_store, pg_temp AS $$
#variable_conflict use_column
DECLARE
  before bigint := watermark();
BEGIN
  RETURN QUERY SELECT e.position, e.tenant, e.stream, e.version, e.event_id, e.tag, e.state, e.metadata, e.recorded_at
    FROM event e WHERE e.tenant = t AND e.position < before ORDER BY e.position;
END $$;


REVOKE ALL ON ALL FUNCTIONS IN SCHEMA event_store FROM public;
GRANT EXECUTE ON FUNCTION
  event_store.append, event_store.refusal, event_store.claims_in, event_store.tallies_of, event_store.read_log_of
  TO daybook_app;
