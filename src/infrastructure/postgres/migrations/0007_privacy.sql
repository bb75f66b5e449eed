-- Keys of people, and the rows by which people are found: everything that must be destroyed when somebody is erased.
--
-- It lies apart from what it opens: in a schema of its own, which only the role daybook_keys may enter. Keys are kept
-- wrapped (RFC 3394): a person's under the tenant's, the tenant's under the master key, which is in no database. The
-- functions here run as their caller; each says whose keys are meant and asks, in one round trip, and the policies are
-- the second wall: who has not said it sees nothing.

CREATE SCHEMA privacy;

CREATE TABLE privacy.tenant_key (
  tenant uuid NOT NULL,                                 -- all zeros: the installation's own
  version integer NOT NULL CHECK (version > 0),
  master text NOT NULL,                                 -- which master key wraps it
  wrapped bytea NOT NULL,
  secret bytea NOT NULL,                                -- what blind indexes are derived from, under this key: the same in every version
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT tenant_key_pkey PRIMARY KEY (tenant, version));

-- Master keys that are no more: who has not heard of it must not begin anything under one of them.
CREATE TABLE privacy.retired_master (
  master text PRIMARY KEY,
  retired_at timestamptz NOT NULL DEFAULT clock_timestamp());

-- A person's key; or, where they were erased, that there was one. That row stays for ever, so that no key can be made
-- again for who is gone.
CREATE TABLE privacy.subject_key (
  tenant uuid NOT NULL,
  subject uuid NOT NULL,
  version integer NOT NULL CHECK (version > 0),
  tenant_version integer,
  wrapped bytea,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  erased_at timestamptz,
  erased_by text,
  CONSTRAINT subject_key_pkey PRIMARY KEY (tenant, subject, version),
  -- A tenant's old key goes when nothing is under it any more, and not before.
  CONSTRAINT subject_key_under FOREIGN KEY (tenant, tenant_version) REFERENCES privacy.tenant_key (tenant, version),
  CONSTRAINT subject_key_or_tombstone CHECK ((wrapped IS NULL) = (erased_at IS NOT NULL)
                                             AND (wrapped IS NULL) = (tenant_version IS NULL)));
CREATE INDEX subject_key_by_tenant_version ON privacy.subject_key (tenant, tenant_version);

-- Keyed hashes of what people are looked up by. Here alone, and never in a fact: a guess can be tried against each.
CREATE TABLE privacy.blind_index (
  tenant uuid NOT NULL,
  field text NOT NULL,
  blind bytea NOT NULL,
  subject uuid NOT NULL,
  CONSTRAINT blind_index_pkey PRIMARY KEY (tenant, field, blind, subject));
CREATE INDEX blind_index_subject ON privacy.blind_index (tenant, subject);

CREATE FUNCTION privacy.stays_erased() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF OLD.erased_at IS NOT NULL THEN
    RAISE EXCEPTION 'who was erased stays erased' USING ERRCODE = '23514', CONSTRAINT = 'stays_erased';
  END IF;
  RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER stays_erased BEFORE UPDATE OR DELETE ON privacy.subject_key
  FOR EACH ROW EXECUTE FUNCTION privacy.stays_erased();

ALTER TABLE privacy.tenant_key ENABLE ROW LEVEL SECURITY;
ALTER TABLE privacy.tenant_key FORCE ROW LEVEL SECURITY;
ALTER TABLE privacy.subject_key ENABLE ROW LEVEL SECURITY;
ALTER TABLE privacy.subject_key FORCE ROW LEVEL SECURITY;
ALTER TABLE privacy.blind_index ENABLE ROW LEVEL SECURITY;
ALTER TABLE privacy.blind_index FORCE ROW LEVEL SECURITY;
CREATE POLICY of_the_tenant ON privacy.tenant_key
  USING (tenant = (SELECT nullif(current_setting('app.tenant', true), ''))::uuid);
CREATE POLICY of_the_tenant ON privacy.subject_key
  USING (tenant = (SELECT nullif(current_setting('app.tenant', true), ''))::uuid);
CREATE POLICY of_the_tenant ON privacy.blind_index
  USING (tenant = (SELECT nullif(current_setting('app.tenant', true), ''))::uuid);
-- For `tenants` below, which runs as the owner: a rotation has to find them all.
CREATE POLICY listed_by_the_owner ON privacy.tenant_key FOR SELECT USING (
  current_user = (SELECT pg_get_userbyid(c.relowner) FROM pg_class c WHERE c.oid = 'privacy.tenant_key'::regclass));


-- Whose keys there are. Ids alone.
CREATE FUNCTION privacy.tenants() RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, privacy, pg_temp AS
  'SELECT DISTINCT tenant FROM tenant_key ORDER BY tenant';


-- Which master keys the tenants' keys are under: what somebody who starts has to have.
CREATE FUNCTION privacy.masters() RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, privacy, pg_temp AS
  'SELECT DISTINCT master FROM tenant_key ORDER BY master';


CREATE FUNCTION privacy.tenant_keys(t uuid)
RETURNS TABLE (version integer, master text, wrapped bytea, secret bytea)
LANGUAGE plpgsql SET search_path = pg_catalog, privacy, pg_temp AS $$
#variable_conflict use_column
BEGIN
  PERFORM set_config('app.tenant', t::text, true);
  RETURN QUERY SELECT k.version, k.master, k.wrapped, k.secret FROM tenant_key k WHERE k.tenant = t ORDER BY k.version;
END $$;


-- The first key of a tenant. Whoever comes second finds the first's, and asks for it.
CREATE FUNCTION privacy.begin_tenant(t uuid, under text, key bytea, root bytea) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, privacy, pg_temp AS $$
BEGIN
  PERFORM set_config('app.tenant', t::text, true);
  PERFORM pg_advisory_xact_lock_shared(hashtextextended('privacy.master', 0));
  IF EXISTS (SELECT FROM retired_master r WHERE r.master = under) THEN
    RAISE EXCEPTION 'this master key has been retired' USING ERRCODE = '23514', CONSTRAINT = 'retired_master';
  END IF;
  INSERT INTO tenant_key (tenant, version, master, wrapped, secret) VALUES (t, 1, under, key, root)
    ON CONFLICT DO NOTHING;
END $$;


-- Whoever is beginning a tenant under it has ended by then, and is found by the rotation; nobody begins one any more.
CREATE FUNCTION privacy.retire(name text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, privacy, pg_temp AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('privacy.master', 0));
  INSERT INTO retired_master (master) VALUES (name) ON CONFLICT DO NOTHING;
END $$;


CREATE FUNCTION privacy.subject_keys(t uuid, wanted uuid[])
RETURNS TABLE (subject uuid, version integer, tenant_version integer, wrapped bytea)
LANGUAGE plpgsql SET search_path = pg_catalog, privacy, pg_temp AS $$
#variable_conflict use_column
BEGIN
  PERFORM set_config('app.tenant', t::text, true);
  RETURN QUERY SELECT k.subject, k.version, k.tenant_version, k.wrapped
    FROM subject_key k WHERE k.tenant = t AND k.subject = ANY (wanted) ORDER BY k.subject, k.version;
END $$;


-- The first key of a person; nothing where there is one, or where they were erased.
CREATE FUNCTION privacy.begin_subject(t uuid, who uuid, under integer, key bytea) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, privacy, pg_temp AS $$
BEGIN
  PERFORM set_config('app.tenant', t::text, true);
  INSERT INTO subject_key (tenant, subject, version, tenant_version, wrapped) VALUES (t, who, 1, under, key)
    ON CONFLICT DO NOTHING;
END $$;


-- All keys of a person, and all rows by which they are found, are gone, and a tombstone is there, also of who never had
-- a key. True where this was not so before. Whoever holds an opened key hears of it.
CREATE FUNCTION privacy.erase(t uuid, who uuid, by_whom text) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, privacy, pg_temp AS $$
DECLARE
  changed integer;
  made integer;
BEGIN
  PERFORM set_config('app.tenant', t::text, true);
  INSERT INTO subject_key (tenant, subject, version, erased_at, erased_by)
    VALUES (t, who, 1, clock_timestamp(), by_whom) ON CONFLICT DO NOTHING;
  GET DIAGNOSTICS made = ROW_COUNT;
  UPDATE subject_key k SET wrapped = NULL, tenant_version = NULL, erased_at = clock_timestamp(), erased_by = by_whom
   WHERE k.tenant = t AND k.subject = who AND k.erased_at IS NULL;
  GET DIAGNOSTICS changed = ROW_COUNT;
  DELETE FROM blind_index b WHERE b.tenant = t AND b.subject = who;
  PERFORM pg_notify('daybook_keys', t || ' ' || who);
  RETURN made + changed > 0;
END $$;


-- What a person is found by: these fields anew, unless they have been erased. Their key's row is held until the end of
-- the transaction, so that an erasure comes wholly before (and nothing is written) or wholly after (and deletes it).
CREATE FUNCTION privacy.index_subject(t uuid, who uuid, gone text[], fields text[], blinds bytea[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, privacy, pg_temp AS $$
BEGIN
  PERFORM set_config('app.tenant', t::text, true);
  PERFORM FROM subject_key k WHERE k.tenant = t AND k.subject = who AND k.erased_at IS NULL FOR SHARE;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  DELETE FROM blind_index b WHERE b.tenant = t AND b.subject = who AND b.field = ANY (gone);
  INSERT INTO blind_index (tenant, field, blind, subject)
    SELECT t, n.field, n.blind, who FROM unnest(fields, blinds) n (field, blind) ON CONFLICT DO NOTHING;
END $$;


-- Who has all of these, by id, from after one on.
CREATE FUNCTION privacy.look_up(t uuid, fields text[], blinds bytea[], after uuid, most integer) RETURNS SETOF uuid
LANGUAGE plpgsql SET search_path = pg_catalog, privacy, pg_temp AS $$
BEGIN
  PERFORM set_config('app.tenant', t::text, true);
  RETURN QUERY SELECT b.subject FROM unnest(fields, blinds) w (field, blind)
    JOIN blind_index b ON b.tenant = t AND b.field = w.field AND b.blind = w.blind
   WHERE after IS NULL OR b.subject > after
   GROUP BY b.subject HAVING count(*) = cardinality(fields) ORDER BY b.subject LIMIT most;
END $$;


REVOKE ALL ON ALL FUNCTIONS IN SCHEMA privacy FROM public;
GRANT USAGE ON SCHEMA privacy TO daybook_keys;
-- Neither a key nor a tombstone can be deleted by it: a tenant's old key after a rotation alone.
GRANT SELECT, INSERT, UPDATE, DELETE ON privacy.tenant_key TO daybook_keys;
GRANT SELECT, INSERT, UPDATE ON privacy.subject_key TO daybook_keys;
GRANT SELECT, INSERT ON privacy.retired_master TO daybook_keys;
GRANT SELECT, INSERT, DELETE ON privacy.blind_index TO daybook_keys;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA privacy TO daybook_keys;

-- The rows by which people are found follow the log; how far they have come stands beside the views' positions.
GRANT USAGE ON SCHEMA event_store, read TO daybook_keys;
GRANT EXECUTE ON FUNCTION event_store.adopt_cluster, event_store.watermark, event_store.read_log, event_store.lag
  TO daybook_keys;
GRANT SELECT, UPDATE ON read.position TO daybook_keys;
INSERT INTO read.position (view, definition) VALUES ('people-index', 'blind');
