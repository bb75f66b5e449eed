-- With an account goes the key under which its address was sealed: of what backups and the server's own log still hold
-- of it, nothing can be read.
CREATE OR REPLACE FUNCTION privacy.forget_logins(t uuid, who uuid) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  installation CONSTANT uuid := '00000000-0000-0000-0000-000000000000';
  theirs uuid[];
  one uuid;
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
  FOR one IN DELETE FROM identity.account a WHERE a.id = ANY (theirs)
    AND NOT EXISTS (SELECT FROM identity.membership m WHERE m.account = a.id) RETURNING a.id LOOP
    gone := gone + 1;
    PERFORM privacy.erase(installation, one, who::text);
  END LOOP;
  PERFORM set_config('app.tenant', t::text, true);
  RETURN gone;
END $$;
