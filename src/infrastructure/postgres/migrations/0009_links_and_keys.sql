-- What stands behind tokens, links, API keys and logins elsewhere, and is no fact: the keys that sign, when a key was last
-- used, what has been used up, and who somebody is to another house.
--
-- Nobody is granted a table: each function does one thing, and those that know a tenant are told it.

CREATE SCHEMA IF NOT EXISTS identity;

-- Keys that sign tokens and links, of the whole installation. Sealed by the installation's key (infrastructure/privacy),
-- so that whoever has the database alone can sign nothing.
CREATE TABLE identity.signing_key (
  kid text PRIMARY KEY,
  box bytea NOT NULL,                                   -- nonce and sealed key, bound to its kid
  alone boolean NOT NULL,                               -- all that was signed before it is no good any more
  created_at timestamptz NOT NULL DEFAULT clock_timestamp());

-- When an API key was last used, to the minute.
CREATE TABLE identity.key_use (
  tenant uuid NOT NULL,
  key uuid NOT NULL,
  used_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT key_use_pkey PRIMARY KEY (tenant, key));

-- What may be used once and has been, until nobody could use it any more.
CREATE TABLE identity.spent (
  tenant uuid NOT NULL,
  what bytea NOT NULL,
  ends_at timestamptz NOT NULL,
  CONSTRAINT spent_pkey PRIMARY KEY (tenant, what));
CREATE INDEX spent_ends ON identity.spent (ends_at);

-- Who somebody is to an issuer: a keyed hash of the name by which it knows them. Goes with the person.
CREATE TABLE identity.external (
  tenant uuid NOT NULL,
  issuer uuid NOT NULL,
  subject bytea NOT NULL,
  user_id uuid NOT NULL,
  linked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT external_pkey PRIMARY KEY (tenant, issuer, subject));
CREATE INDEX external_user ON identity.external (tenant, user_id);


CREATE FUNCTION identity.signing_keys() RETURNS TABLE (kid text, box bytea, alone boolean, created_at double precision)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, identity, pg_temp AS $$
  SELECT k.kid, k.box, k.alone, extract(epoch FROM k.created_at)::double precision
    FROM signing_key k ORDER BY k.created_at, k.kid;
$$;

CREATE FUNCTION identity.add_signing_key(new_kid text, sealed bytea, by_itself boolean) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, identity, pg_temp AS $$
BEGIN
  -- One at a time, so that their moments differ and everybody sees them in the same order.
  LOCK TABLE signing_key IN SHARE ROW EXCLUSIVE MODE;
  INSERT INTO signing_key (kid, box, alone) VALUES (new_kid, sealed, by_itself);
  -- What nothing can be alive of that it signed.
  DELETE FROM signing_key k WHERE EXISTS (SELECT FROM signing_key newer WHERE newer.created_at > k.created_at
    AND (newer.created_at < clock_timestamp() - interval '420 days' OR newer.alone));
END $$;

CREATE FUNCTION identity.key_used(t uuid, one uuid) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, identity, pg_temp AS $$
  INSERT INTO key_use AS u (tenant, key) VALUES (t, one)
    ON CONFLICT (tenant, key) DO UPDATE SET used_at = clock_timestamp()
    WHERE u.used_at < clock_timestamp() - interval '1 minute';
$$;

CREATE FUNCTION identity.keys_used(t uuid) RETURNS TABLE (key uuid, used_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, identity, pg_temp AS $$
  SELECT u.key, u.used_at FROM key_use u WHERE u.tenant = t;
$$;

-- False: it had been used.
CREATE FUNCTION identity.spend(t uuid, one bytea, seconds double precision) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, identity, pg_temp AS $$
BEGIN
  DELETE FROM spent WHERE (tenant, what) IN
    (SELECT s.tenant, s.what FROM spent s WHERE s.ends_at < clock_timestamp() LIMIT 100 FOR UPDATE SKIP LOCKED);
  INSERT INTO spent (tenant, what, ends_at) VALUES (t, one, clock_timestamp() + seconds * interval '1 second')
    ON CONFLICT DO NOTHING;
  RETURN FOUND;
END $$;

CREATE FUNCTION identity.external_user(t uuid, by_issuer uuid, named bytea) RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, identity, pg_temp AS $$
  SELECT e.user_id FROM external e WHERE e.tenant = t AND e.issuer = by_issuer AND e.subject = named;
$$;

-- Who they are from now on: whoever was linked first stays.
CREATE FUNCTION identity.link_external(t uuid, by_issuer uuid, named bytea, who uuid) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, identity, pg_temp AS $$
BEGIN
  INSERT INTO external (tenant, issuer, subject, user_id) VALUES (t, by_issuer, named, who) ON CONFLICT DO NOTHING;
  RETURN (SELECT e.user_id FROM external e WHERE e.tenant = t AND e.issuer = by_issuer AND e.subject = named);
END $$;

-- Everybody who they were to anybody else.
CREATE FUNCTION identity.forget_external(t uuid, who uuid) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, identity, pg_temp AS $$
DECLARE
  gone integer;
BEGIN
  DELETE FROM external e WHERE e.tenant = t AND e.user_id = who;
  GET DIAGNOSTICS gone = ROW_COUNT;
  RETURN gone;
END $$;


REVOKE ALL ON FUNCTION
  identity.signing_keys, identity.add_signing_key, identity.key_used, identity.keys_used, identity.spend,
  identity.external_user, identity.link_external, identity.forget_external FROM public;
GRANT USAGE ON SCHEMA identity TO daybook_app, daybook_keys;
GRANT EXECUTE ON FUNCTION
  identity.signing_keys, identity.key_used, identity.keys_used, identity.spend, identity.external_user,
  identity.link_external, identity.forget_external TO daybook_app;
GRANT EXECUTE ON FUNCTION identity.signing_keys, identity.add_signing_key TO daybook_keys;
