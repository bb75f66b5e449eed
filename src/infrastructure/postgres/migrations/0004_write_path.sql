-- The write path: in time or not at all; hundreds at once as sets; and what it costs is what it must.

-- What a claim has to look like is checked by `append`, the only one who writes it: a CHECK is read from its text and
-- made ready for each statement, and five of them cost a booking a fifteenth of the server's time.
ALTER TABLE event_store.claim
  DROP CONSTRAINT claim_during_check, DROP CONSTRAINT claim_units_check, DROP CONSTRAINT claim_before_minutes_check,
  DROP CONSTRAINT claim_after_minutes_check, DROP CONSTRAINT claim_kind_check;
ALTER TABLE event_store.event DROP CONSTRAINT event_version_check;


DROP FUNCTION event_store.append(
  uuid, uuid, text, bytea, bytea, boolean, boolean, timestamptz, uuid[], bigint[], text[], uuid[], uuid[], uuid[], uuid[],
  integer[], timestamptz[], timestamptz[], integer[], timestamptz[], uuid[], integer[], uuid[], bigint[], uuid[], text[],
  bytea[], bytea, integer[], integer[], boolean[], boolean[], text[], uuid[], uuid[], timestamptz[], uuid[], bigint[], jsonb);

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
-- Not too late. A server that was frozen finds, when it thaws, calls in its sockets whose callers have long given up,
-- and been told "no" by another try. `not_after` is a moment of this server's clock at which the caller's time was up:
-- a call that begins later does nothing. It is looked at when the command's own lock is held: whoever asks for that
-- lock after that moment (`command_outcome`) waits for what began in time, and knows that nothing else can begin.
--
-- Fast because what is NULL is not looked at, and because there are only three statements on the way of a plain
-- booking. Expressions that read no table (locks and hashes among them) cost plpgsql a tenth of a statement, but they
-- are made ready again in each transaction, so that a hundred of them cost what those three do: what is `rare` is asked
-- once, and a plain booking of one resource passes by it all. What there may be hundreds of is compared as sets.
-- `befores` and its four neighbours are NULL where no claim has buffers, is overbooked, or is anything but a booking's;
-- `rest`: overrides, pacing, and what counts against quotas.
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
  counted uuid[], marks bigint[], rest jsonb, not_after timestamptz,
  OUT last_position bigint, OUT recorded_at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, event_store, pg_temp AS $$
#variable_conflict use_variable
DECLARE
  seed bigint := hashtextextended(t::text, 0);
  rare boolean := num_nonnulls(also, released, settled, resized, extended, counted, rest) > 0 OR nowait;
  count integer := coalesce(cardinality(streams), 0);
  one_stream boolean := streams[1] = ALL (streams);     -- NULL where none is written
  keys bigint[];
  key bigint;
  had boolean;
  unseen integer[];
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

  IF clock_timestamp() > not_after THEN
    RAISE EXCEPTION 'the caller has given up' USING ERRCODE = '40001', CONSTRAINT = 'too_late';
  END IF;

  -- Claims follow from the events of this command: they can only be those of streams that it writes.
  IF bookings IS NOT NULL OR rare THEN
    IF NOT coalesce(one_stream, false) THEN
      IF EXISTS (SELECT unnest(bookings || released || settled || resized || extended) EXCEPT SELECT unnest(streams)) THEN
        RAISE EXCEPTION 'claims without events' USING ERRCODE = '23514', CONSTRAINT = 'claims_follow_events';
      END IF;
    ELSIF NOT (bookings <@ streams[:1] AND released <@ streams[:1] AND settled <@ streams[:1] AND resized <@ streams[:1]
               AND extended <@ streams[:1]) THEN
      RAISE EXCEPTION 'claims without events' USING ERRCODE = '23514', CONSTRAINT = 'claims_follow_events';
    END IF;
  END IF;
  IF rest IS NOT NULL THEN
    IF EXISTS (SELECT (r ->> 'stream')::uuid FROM jsonb_each(rest) part, jsonb_array_elements(part.value) r
               EXCEPT SELECT unnest(streams)) THEN
      RAISE EXCEPTION 'claims without events' USING ERRCODE = '23514', CONSTRAINT = 'claims_follow_events';
    END IF;
    recounted := ARRAY(SELECT DISTINCT (r ->> 'stream')::uuid FROM jsonb_each(rest) part, jsonb_array_elements(part.value) r
                        WHERE part.key IN ('tally', 'retally', 'retime'));
  END IF;

  IF one_stream AND NOT rare AND read_streams IS NULL AND cardinality(resources) = 1 THEN
    had := pg_advisory_xact_lock(least(hashtextextended(streams[1]::text, seed) & -2,
                                       hashtextextended(resources[1]::text, seed) & -2)) IS NULL;
    had := pg_advisory_xact_lock(greatest(hashtextextended(streams[1]::text, seed) & -2,
                                          hashtextextended(resources[1]::text, seed) & -2)) IS NULL;
  ELSE
    keys := ARRAY(
      SELECT DISTINCT CASE WHEN k.n > count + coalesce(cardinality(resources), 0)
                           THEN hashtextextended(k.id::text, seed) | 1 ELSE hashtextextended(k.id::text, seed) & -2 END
        FROM unnest(streams || resources || read_streams) WITH ORDINALITY k (id, n) ORDER BY 1);
    -- Whose claims are let go, made firm (shared: against a resize, not against each other) or counted is looked up
    -- before the locks: should that change until then, the stream's version has moved as well.
    IF rare THEN
      keys := ARRAY(
        SELECT unnest(keys)
        UNION SELECT hashtextextended(a.named, seed) & -2 FROM unnest(also) a (named)
        UNION SELECT hashtextextended('tally:' || n.who::text, seed) & -2 FROM unnest(counted) n (who)
        UNION SELECT lock_key(t, c.resource::text) FROM claim c WHERE c.tenant = t AND c.booking = ANY (released)
        UNION SELECT lock_key(t, c.resource::text) | 1 FROM claim c
               WHERE c.tenant = t AND c.booking = ANY (settled || extended)
        UNION SELECT lock_key(t, 'tally:' || y.who::text) FROM tally y
               WHERE y.tenant = t AND y.booking = ANY (recounted)
        ORDER BY 1);
    END IF;
    FOREACH key IN ARRAY keys LOOP
      IF nowait THEN
        IF NOT (key & 1 = 1 AND pg_try_advisory_xact_lock_shared(key & -2)
                OR key & 1 = 0 AND pg_try_advisory_xact_lock(key)) THEN
          RAISE EXCEPTION 'a lock is held by another command' USING ERRCODE = '55P03', CONSTRAINT = 'lock_busy';
        END IF;
      ELSIF key & 1 = 1 THEN
        had := pg_advisory_xact_lock_shared(key & -2) IS NULL;
      ELSE
        had := pg_advisory_xact_lock(key) IS NULL;
      END IF;
    END LOOP;
  END IF;
  IF pg_current_xact_id_if_assigned() IS NOT NULL THEN
    RAISE EXCEPTION 'something was written before the locks were had: positions would lie'
      USING ERRCODE = '25001', CONSTRAINT = 'locks_before_id';
  END IF;
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'what was committed while waiting would not be seen' USING ERRCODE = '25001', CONSTRAINT = 'fresh_eyes';
  END IF;

  -- What the decision saw must not have moved since.
  IF read_streams IS NOT NULL THEN
    IF EXISTS (SELECT FROM unnest(read_streams, read_versions) r (s, v) WHERE r.v IS DISTINCT FROM
                 coalesce((SELECT max(e.version) FROM event e WHERE e.tenant = t AND e.stream = r.s), 0)) THEN
      RAISE EXCEPTION 'decided on an older state' USING ERRCODE = '40001', CONSTRAINT = 'read_set_moved';
    END IF;
  END IF;
  FOR k IN 1 .. count LOOP                              -- versions run 1..n; that the first one is free the key sees
    IF versions[k] <> 1 AND NOT (k > 1 AND streams[k] = streams[k - 1] AND versions[k] = versions[k - 1] + 1) THEN
      unseen := unseen || k;
    END IF;
  END LOOP;
  IF unseen IS NOT NULL THEN
    IF unseen = '{1}' THEN
      had := versions[1] - 1 = (SELECT max(e.version) FROM event e WHERE e.tenant = t AND e.stream = streams[1]);
    ELSE
      had := NOT EXISTS (
        SELECT FROM (SELECT e.s, e.v, e.n::integer AS n, lag(e.v) OVER (PARTITION BY e.s ORDER BY e.n) AS before
                       FROM unnest(streams, versions) WITH ORDINALITY e (s, v, n)) e
         WHERE e.n IN (SELECT unnest(unseen)) AND e.v - 1 IS DISTINCT FROM
               coalesce(e.before, (SELECT max(o.version) FROM event o WHERE o.tenant = t AND o.stream = e.s)));
    END IF;
    IF had IS NOT TRUE THEN
      RAISE EXCEPTION 'the stream is not where the decision saw it' USING ERRCODE = '40001', CONSTRAINT = 'read_set_moved';
    END IF;
  END IF;
  IF counted IS NOT NULL THEN                           -- -1: somebody's rows are moved without having been looked at
    IF EXISTS (SELECT FROM unnest(counted, marks) n (who, mark) WHERE n.mark >= 0 AND n.mark IS DISTINCT FROM
                 coalesce((SELECT m.mark FROM tally_mark m WHERE m.tenant = t AND m.who = n.who), 0)) THEN
      RAISE EXCEPTION 'decided on an older count' USING ERRCODE = '40001', CONSTRAINT = 'read_set_moved';
    END IF;
  END IF;

  recorded_at := clock_timestamp();
  decided_at := coalesce(decided_at, recorded_at);

  IF rare THEN
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
  END IF;
  IF befores IS NOT NULL THEN
    IF 0 > ANY (befores || afters) OR 1440 < ANY (befores || afters)
       OR NOT kinds <@ ARRAY['booking', 'session', 'earmark'] THEN
      RAISE EXCEPTION 'no such claim' USING ERRCODE = '23514', CONSTRAINT = 'claim_shape';
    END IF;
  END IF;
  FOR k IN 1 .. coalesce(cardinality(resources), 0) LOOP
    -- One unit: the constraint is the guard, and the row goes straight in.
    IF wanted[k] = 1 AND befores IS NULL AND kept IS NULL AND starts[k] < ends[k] THEN
      INSERT INTO claim (tenant, resource, booking, item, during, units, expires_at, single)
        SELECT t, resources[k], bookings[k], items[k], tstzrange(starts[k], ends[k]), 1, expires[k], true
          FROM capacity c WHERE c.tenant = t AND c.resource = resources[k] AND c.capacity = 1 AND c.guarded_from <= starts[k];
      CONTINUE WHEN FOUND;
    END IF;
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
    IF (from_at < to_at AND wanted[k] > 0) IS NOT TRUE THEN
      RAISE EXCEPTION 'no such claim' USING ERRCODE = '23514', CONSTRAINT = 'claim_shape';
    END IF;
    IF k = ANY (kept) THEN
      UPDATE claim c SET during = tstzrange(from_at, to_at), units = wanted[k], expires_at = expires[k],
             before_minutes = coalesce(befores[k], 0), after_minutes = coalesce(afters[k], 0),
             shared = coalesce(sharing[k], false), kind = coalesce(kinds[k], 'booking')
       WHERE c.tenant = t AND c.booking = bookings[k] AND c.item = items[k];
      CONTINUE;
    END IF;
    -- The same with buffers, or beside what was kept.
    IF wanted[k] = 1 AND (befores IS NOT NULL AND NOT (sharing[k] OR overbooked[k]) OR befores IS NULL AND kept IS NOT NULL) THEN
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


-- Why a claim was refused, for the loser: asked after the fact, so that winners do not pay for it. The first item that
-- does not fit; NULL when all fit by now.
--
-- `cause`: occupied (of one unit), capacity (of several), buffer (the periods themselves would fit), held (a living
-- hold is in the way, so that the answer may yet change), earmark (kept for somebody who waits), pacing. `until`: when
-- so many units are free again. `free` and `peak`: units, of several. `holds` and `earmarks`: past their expiry and in
-- the way.
CREATE OR REPLACE FUNCTION event_store.refusal(
  t uuid, decided_at timestamptz,
  resources uuid[], bookings uuid[], items integer[], starts timestamptz[], ends timestamptz[], wanted integer[],
  befores integer[], afters integer[], sharing boolean[], overbooked boolean[],
  OUT resource uuid, OUT until timestamptz, OUT free integer, OUT holds uuid[], OUT earmarks uuid[], OUT cause text,
  OUT peak integer)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, event_store, pg_temp SET enable_nestloop = off AS $$
#variable_conflict use_variable
DECLARE
  k integer;
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
  IF cardinality(resources) = 1 THEN                    -- as nearly always
    IF overbooked[1] IS NOT TRUE AND NOT EXISTS (       -- no more than it has already: no guard asked
      SELECT FROM claim c
       WHERE c.tenant = t AND c.booking = bookings[1] AND c.item = items[1] AND c.resource = resources[1]
         AND c.units >= wanted[1] AND NOT c.authorised
         AND c.during @> tstzrange(
               starts[1] - CASE WHEN sharing[1] THEN 0 ELSE coalesce(befores[1], 0) END * interval '1 minute',
               ends[1] + CASE WHEN sharing[1] THEN 0 ELSE coalesce(afters[1], 0) END * interval '1 minute')
         AND lower(c.during) + CASE WHEN c.shared THEN 0 ELSE c.before_minutes END * interval '1 minute' = starts[1]
         AND (sharing[1] IS NOT TRUE OR befores[1] <= c.before_minutes AND afters[1] <= c.after_minutes)) THEN
      k := 1;
    END IF;
  ELSE
    -- All at once: which is the first that does not fit, for whatever reason? (Joined by hashes: how many there are the
    -- planner cannot know, and a loop in a loop over hundreds takes seconds.)
    WITH wish AS MATERIALIZED (
      SELECT w.n::integer AS n, w.resource, w.booking, w.item, w.starts_at, w.ends_at, w.units, w.authorised,
             coalesce(w.before_it, 0) AS before_it, coalesce(w.after_it, 0) AS after_it, coalesce(w.shares, false) AS shares,
             w.starts_at - CASE WHEN w.shares THEN 0 ELSE coalesce(w.before_it, 0) END * interval '1 minute' AS from_at,
             w.ends_at + CASE WHEN w.shares THEN 0 ELSE coalesce(w.after_it, 0) END * interval '1 minute' AS to_at,
             c.capacity AS room, c.pace_units AS pace, c.pace_minutes * interval '1 minute' AS pace_span
        FROM unnest(resources, bookings, items, starts, ends, wanted, befores, afters, sharing, overbooked) WITH ORDINALITY
               w (resource, booking, item, starts_at, ends_at, units, before_it, after_it, shares, authorised, n)
        LEFT JOIN capacity c ON c.tenant = t AND c.resource = w.resource),
    asked AS MATERIALIZED (                               -- no more than it has already: no guard asked
      SELECT w.*, w.from_at - interval '24 hours' AS reach_from, w.to_at + interval '24 hours' AS reach_to
        FROM wish w
       WHERE w.authorised IS NOT TRUE AND coalesce((
         SELECT false FROM claim c
          WHERE c.tenant = t AND c.booking = w.booking AND c.item = w.item AND c.resource = w.resource
            AND c.units >= w.units AND NOT c.authorised AND c.during @> tstzrange(w.from_at, w.to_at)
            AND lower(c.during) + CASE WHEN c.shared THEN 0 ELSE c.before_minutes END * interval '1 minute' = w.starts_at
            AND (NOT w.shares OR w.before_it <= c.before_minutes AND w.after_it <= c.after_minutes) LIMIT 1), true)),
    standing AS MATERIALIZED (                            -- within a day: others', and what comes before it in this command
      SELECT a.n, lower(s.during) AS from_at, upper(s.during) AS to_at, s.starts_at, s.ends_at, s.units, s.before_minutes,
             s.after_minutes, s.shared
        FROM asked a, LATERAL claims_on(t, a.resource, tstzrange(a.reach_from, a.reach_to)) s
       WHERE s.booking NOT IN (SELECT unnest(bookings))
      UNION ALL
      SELECT a.n, w.from_at, w.to_at, w.starts_at, w.ends_at, w.units, w.before_it, w.after_it, w.shares
        FROM asked a JOIN wish w
          ON w.resource = a.resource AND w.n < a.n AND w.from_at < a.reach_to AND a.reach_from < w.to_at),
    pieces AS (
      SELECT a.n, greatest(s.from_at, a.from_at) AS from_at, s.to_at, s.units
        FROM standing s JOIN asked a USING (n) WHERE s.from_at < a.to_at AND a.from_at < s.to_at
      UNION ALL
      SELECT a.n, greatest(lower(o.during), a.from_at), upper(o.during), a.room - o.capacity
        FROM asked a JOIN capacity_override o
          ON o.tenant = t AND o.resource = a.resource AND o.during && tstzrange(a.from_at, a.to_at)),
    edges AS (
      SELECT p.n, p.from_at AS at, p.units AS step FROM pieces p
      UNION ALL SELECT p.n, p.to_at, -p.units FROM pieces p
      UNION ALL SELECT a.n, a.from_at, 0 FROM asked a),
    fullest AS (
      SELECT a.n, max(e.used) AS used
        FROM (SELECT n, at, sum(step) OVER (PARTITION BY n ORDER BY at, step ROWS UNBOUNDED PRECEDING) AS used FROM edges) e
        JOIN asked a USING (n)
       WHERE e.at < a.to_at GROUP BY a.n),
    near AS (
      SELECT a.n FROM standing s JOIN asked a USING (n)
       WHERE (a.shares OR s.shared)
         AND (s.ends_at <= a.starts_at
              AND a.starts_at < s.ends_at + greatest(s.after_minutes, a.before_it) * interval '1 minute'
              OR s.starts_at >= a.ends_at
              AND s.starts_at < a.ends_at + greatest(a.after_it, s.before_minutes) * interval '1 minute')),
    starting AS (
      SELECT s.n, s.starts_at, s.units FROM standing s JOIN asked a USING (n)
       WHERE s.starts_at > a.starts_at - a.pace_span AND s.starts_at < a.starts_at + a.pace_span AND a.pace IS NOT NULL),
    paced AS (
      SELECT w.n, coalesce((SELECT sum(s.units) FROM starting s
                             WHERE s.n = w.n AND s.starts_at >= w.at AND s.starts_at < w.at + w.pace_span), 0) AS started
        FROM (SELECT a.n, a.starts_at AS at, a.pace_span FROM asked a WHERE a.pace IS NOT NULL
              UNION
              SELECT a.n, s.starts_at, a.pace_span FROM starting s JOIN asked a USING (n) WHERE s.starts_at <= a.starts_at) w)
    SELECT min(a.n) INTO k FROM asked a JOIN fullest f USING (n)
     WHERE a.room IS NULL OR a.units + f.used > a.room
        OR a.n IN (SELECT near.n FROM near) OR a.units + (SELECT max(p.started) FROM paced p WHERE p.n = a.n) > a.pace;
  END IF;
  -- Then that one looked at closely.
  IF k IS NOT NULL THEN
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
  END IF;
  resource := NULL; free := NULL; until := NULL; holds := NULL; earmarks := NULL; cause := NULL; peak := NULL;
END $$;


REVOKE ALL ON ALL FUNCTIONS IN SCHEMA event_store FROM public;
GRANT EXECUTE ON FUNCTION event_store.append TO daybook_app;
