-- Erasures: that they were carried out, how a database that was put back to an earlier day is told of them, and what
-- else than keys is deleted with a person.

-- One row a person, written in the transaction in which their keys are destroyed. It lies with the keys, and is backed
-- up with them; the journal beside it is a file, in no backup of the database.
CREATE TABLE privacy.erasure (
  tenant uuid NOT NULL,
  subject uuid NOT NULL,
  request_id uuid NOT NULL,
  basis text NOT NULL,
  keys integer NOT NULL,                                -- what was destroyed, as it was counted the first time
  rows integer NOT NULL,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT erasure_pkey PRIMARY KEY (tenant, subject));
ALTER TABLE privacy.erasure ENABLE ROW LEVEL SECURITY;
ALTER TABLE privacy.erasure FORCE ROW LEVEL SECURITY;
CREATE POLICY of_the_tenant ON privacy.erasure
  USING (tenant = (SELECT nullif(current_setting('app.tenant', true), ''))::uuid);


-- How they log in, and who they are to others. An account goes with the last user that it was.
CREATE FUNCTION privacy.forget_logins(t uuid, who uuid) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  theirs uuid[];
  gone integer := 0;
  part integer;
BEGIN
  IF to_regclass('identity.membership') IS NULL OR to_regclass('identity.external') IS NULL THEN
    RETURN 0;
  END IF;
  WITH left_now AS (DELETE FROM identity.membership m WHERE m.tenant = t AND m.user_id = who RETURNING m.account)
    SELECT array_agg(account) INTO theirs FROM left_now;
  DELETE FROM identity.ticket k WHERE k.tenant = t AND k.user_id = who;
  GET DIAGNOSTICS gone = ROW_COUNT;
  DELETE FROM identity.external e WHERE e.tenant = t AND e.user_id = who;
  GET DIAGNOSTICS part = ROW_COUNT;
  gone := gone + part + coalesce(cardinality(theirs), 0);
  DELETE FROM identity.account a WHERE a.id = ANY (theirs)
    AND NOT EXISTS (SELECT FROM identity.membership m WHERE m.account = a.id);
  GET DIAGNOSTICS part = ROW_COUNT;
  RETURN gone + part;
END $$;


-- All of it, in one transaction, however often: the counts are those of the first time.
CREATE FUNCTION privacy.carry_out_erasure(t uuid, who uuid, request uuid, why text)
RETURNS TABLE (for_request uuid, for_basis text, keys_gone integer, rows_gone integer, carried_out timestamptz)
LANGUAGE plpgsql SET search_path = pg_catalog, privacy, pg_temp AS $$
#variable_conflict use_column
DECLARE
  keys_now integer;
  rows_now integer;
BEGIN
  PERFORM set_config('app.tenant', t::text, true);
  SELECT count(*) INTO keys_now FROM subject_key k WHERE k.tenant = t AND k.subject = who AND k.erased_at IS NULL;
  SELECT count(*) INTO rows_now FROM blind_index b WHERE b.tenant = t AND b.subject = who;
  PERFORM privacy.erase(t, who, request::text);
  rows_now := rows_now + privacy.forget_logins(t, who);
  INSERT INTO erasure (tenant, subject, request_id, basis, keys, rows) VALUES (t, who, request, why, keys_now, rows_now)
    ON CONFLICT DO NOTHING;
  RETURN QUERY SELECT e.request_id, e.basis, e.keys, e.rows, e.at FROM erasure e WHERE e.tenant = t AND e.subject = who;
END $$;


-- What is left of somebody: keys that open, and rows by which they are found.
CREATE FUNCTION privacy.left_of(t uuid, who uuid) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, privacy, pg_temp AS $$
BEGIN
  PERFORM set_config('app.tenant', t::text, true);
  RETURN (SELECT count(*) FROM subject_key k WHERE k.tenant = t AND k.subject = who AND k.erased_at IS NULL)
       + (SELECT count(*) FROM blind_index b WHERE b.tenant = t AND b.subject = who);
END $$;


-- Which of these this database knows nothing of, or holds keys of: it was put back to a day before they were erased.
CREATE FUNCTION privacy.not_erased(tenants uuid[], subjects uuid[]) RETURNS TABLE (of_tenant uuid, who uuid)
LANGUAGE plpgsql SET search_path = pg_catalog, privacy, pg_temp AS $$
#variable_conflict use_variable
DECLARE
  one uuid;
BEGIN
  FOR one IN SELECT DISTINCT t FROM unnest(tenants) t LOOP
    PERFORM set_config('app.tenant', one::text, true);
    RETURN QUERY SELECT DISTINCT w.tenant, w.subject FROM unnest(tenants, subjects) w (tenant, subject)
      WHERE w.tenant = one AND (
        NOT EXISTS (SELECT FROM subject_key k
                     WHERE k.tenant = one AND k.subject = w.subject AND k.erased_at IS NOT NULL)
        OR EXISTS (SELECT FROM subject_key k WHERE k.tenant = one AND k.subject = w.subject AND k.erased_at IS NULL)
        OR EXISTS (SELECT FROM blind_index b WHERE b.tenant = one AND b.subject = w.subject));
  END LOOP;
END $$;


-- The answers to these commands, and the keyed hashes of what was asked: a repetition is refused from now on.
CREATE FUNCTION event_store.forget_answers(t uuid, ids uuid[]) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, event_store, pg_temp AS $$
DECLARE
  gone bigint;
BEGIN
  UPDATE command c SET fingerprint = decode(repeat('00', 32), 'hex'), result = convert_to('{}', 'UTF8')
   WHERE c.tenant = t AND c.command_id = ANY (ids) AND c.result <> convert_to('{}', 'UTF8');
  GET DIAGNOSTICS gone = ROW_COUNT;
  RETURN gone;
END $$;


-- What the log of accesses says about somebody, as who did it or as whom it was done to.
CREATE FUNCTION access_log.about(t uuid, who uuid, after bigint, most integer)
RETURNS TABLE (at_position bigint, at timestamptz, action text, outcome text, reason text, actor_id text,
               target_type text, target_id text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, access_log, pg_temp AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY SELECT e.position, e.at, e.action, e.outcome, e.reason, e.actor_id, e.target_type, e.target_id
    FROM entry e WHERE e.tenant = t AND e.position > after
     AND (e.subjects @> ARRAY[who] OR e.actor_id = who::text OR e.target_id = who::text)
   ORDER BY e.position LIMIT most;
END $$;


REVOKE ALL ON FUNCTION
  privacy.forget_logins, privacy.carry_out_erasure, privacy.left_of, privacy.not_erased, event_store.forget_answers,
  access_log.about FROM public;
GRANT SELECT, INSERT ON privacy.erasure TO daybook_keys;
GRANT EXECUTE ON FUNCTION
  privacy.forget_logins, privacy.carry_out_erasure, privacy.left_of, privacy.not_erased TO daybook_keys;
GRANT EXECUTE ON FUNCTION event_store.forget_answers, access_log.about TO daybook_app;
