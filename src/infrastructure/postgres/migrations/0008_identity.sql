-- Who logs in: accounts, sessions, one-time tokens, and how often somebody has guessed. Rows, not facts: what opens doors
-- must be deletable, and must not lie in a log for ever.
--
-- An account belongs to no organization; which users of which organizations it is stands in membership, and only counts
-- where the user's own facts say the same. Secrets are here as hashes or sealed. Nobody is granted a table: each function
-- below does one thing to what it is given, and none of them lists accounts.

CREATE SCHEMA IF NOT EXISTS identity;

CREATE TABLE identity.account (
  id uuid PRIMARY KEY,
  login bytea NOT NULL,                                 -- keyed hash of the mail address, by which it is found
  email bytea NOT NULL,                                 -- sealed
  email_key integer NOT NULL,
  password text NOT NULL,                               -- Argon2id, with its parameters
  password_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  totp bytea,                                           -- sealed
  totp_key integer,
  totp_since timestamptz,                               -- NULL: it was offered, and no code has been shown yet
  totp_step bigint NOT NULL DEFAULT 0,                  -- of the last code that was taken: none is taken twice
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT account_login UNIQUE (login));

CREATE TABLE identity.recovery_code (
  account uuid NOT NULL REFERENCES identity.account ON DELETE CASCADE,
  hash bytea NOT NULL,
  CONSTRAINT recovery_code_pkey PRIMARY KEY (account, hash));

CREATE TABLE identity.membership (
  tenant uuid NOT NULL,
  user_id uuid NOT NULL,
  account uuid NOT NULL REFERENCES identity.account ON DELETE CASCADE,
  CONSTRAINT membership_pkey PRIMARY KEY (tenant, user_id, account));
CREATE INDEX membership_account ON identity.membership (account);

CREATE TABLE identity.session (
  id uuid PRIMARY KEY,
  account uuid NOT NULL REFERENCES identity.account ON DELETE CASCADE,
  auth text NOT NULL,                                   -- by what they showed who they are: password, password+totp ...
  ip_prefix text,
  client text,
  began_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  used_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  idle interval NOT NULL,                               -- unused for so long it is over
  ends_at timestamptz NOT NULL,
  ended_at timestamptz);
CREATE INDEX session_account ON identity.session (account);

-- All refresh tokens of a session, those that were used as well: one that comes again was stolen.
CREATE TABLE identity.refresh (
  hash bytea PRIMARY KEY,
  session uuid NOT NULL REFERENCES identity.session ON DELETE CASCADE,
  used_at timestamptz);
CREATE INDEX refresh_session ON identity.refresh (session);

-- One-time tokens that were sent by mail. tenant: all zeros where it is about the account alone.
CREATE TABLE identity.ticket (
  tenant uuid NOT NULL,
  hash bytea NOT NULL,
  kind text NOT NULL,
  account uuid REFERENCES identity.account ON DELETE CASCADE, -- NULL: about nobody, and written all the same
  user_id uuid,
  email bytea NOT NULL,                                 -- sealed
  ends_at timestamptz NOT NULL,
  CONSTRAINT ticket_pkey PRIMARY KEY (tenant, hash));
CREATE INDEX ticket_account ON identity.ticket (account);
CREATE INDEX ticket_user ON identity.ticket (tenant, user_id);

-- How often somebody has tried, by keyed hash of what (an address, an account, both together).
CREATE TABLE identity.guess (
  key bytea PRIMARY KEY,
  tries integer NOT NULL DEFAULT 0,
  last_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  next_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  told boolean NOT NULL DEFAULT false);

-- From where somebody has come in with the right password: a keyed hash of the address.
CREATE TABLE identity.known_place (
  account uuid NOT NULL REFERENCES identity.account ON DELETE CASCADE,
  place bytea NOT NULL,
  last_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT known_place_pkey PRIMARY KEY (account, place));

-- Whose tokens are no good any more, however long they would live: a session's (tenant: all zeros), or those that speak
-- for a user as they were before a version.
CREATE TABLE identity.revoked (
  tenant uuid NOT NULL,
  subject uuid NOT NULL,
  version bigint NOT NULL,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  ends_at timestamptz NOT NULL,
  CONSTRAINT revoked_pkey PRIMARY KEY (tenant, subject));
CREATE INDEX revoked_at ON identity.revoked (at);


-- Accounts.

CREATE FUNCTION identity.account_by_login(wanted bytea, from_place bytea)
RETURNS TABLE (id uuid, password text, email bytea, email_key integer, totp bytea, totp_key integer, totp_on boolean, known boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, identity, pg_temp AS $$
  SELECT a.id, a.password, a.email, a.email_key, a.totp, a.totp_key, a.totp_since IS NOT NULL,
         EXISTS (SELECT FROM known_place k WHERE k.account = a.id AND k.place = from_place)
    FROM account a WHERE a.login = wanted;
$$;

CREATE FUNCTION identity.account_of(who uuid, from_place bytea)
RETURNS TABLE (id uuid, password text, email bytea, email_key integer, totp bytea, totp_key integer, totp_on boolean, known boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, identity, pg_temp AS $$
  SELECT a.id, a.password, a.email, a.email_key, a.totp, a.totp_key, a.totp_since IS NOT NULL,
         EXISTS (SELECT FROM known_place k WHERE k.account = a.id AND k.place = from_place)
    FROM account a WHERE a.id = who;
$$;

-- False: somebody has this address already.
CREATE FUNCTION identity.begin_account(who uuid, by_login bytea, sealed_email bytea, sealed_key integer, hashed text)
RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, identity, pg_temp AS $$
BEGIN
  INSERT INTO account (id, login, email, email_key, password) VALUES (who, by_login, sealed_email, sealed_key, hashed)
    ON CONFLICT DO NOTHING;
  RETURN FOUND;
END $$;

CREATE FUNCTION identity.join_organization(t uuid, who uuid, of_account uuid) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, identity, pg_temp AS $$
  INSERT INTO membership (tenant, user_id, account) VALUES (t, who, of_account) ON CONFLICT DO NOTHING;
$$;

CREATE FUNCTION identity.memberships(of_account uuid) RETURNS TABLE (tenant uuid, user_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, identity, pg_temp AS $$
  SELECT m.tenant, m.user_id FROM membership m WHERE m.account = of_account ORDER BY m.tenant, m.user_id LIMIT 100;
$$;

-- The same password under other parameters; nothing where it has been changed meanwhile.
CREATE FUNCTION identity.hash_anew(who uuid, was text, hashed text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, identity, pg_temp AS $$
  UPDATE account SET password = hashed WHERE id = who AND password = was;
$$;

-- Everything about the account, at once.
CREATE FUNCTION identity.forget_account(who uuid) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, identity, pg_temp AS $$
BEGIN
  PERFORM end_sessions(who);
  DELETE FROM account WHERE id = who;
  RETURN FOUND;
END $$;


-- Sessions.

CREATE FUNCTION identity.begin_session(
  one uuid, who uuid, hashed bytea, by_what text, from_prefix text, by_client text, unused interval, life interval,
  from_place bytea) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, identity, pg_temp AS $$
BEGIN
  INSERT INTO session (id, account, auth, ip_prefix, client, idle, ends_at)
    VALUES (one, who, by_what, from_prefix, by_client, unused, clock_timestamp() + life);
  INSERT INTO refresh (hash, session) VALUES (hashed, one);
  IF from_place IS NOT NULL THEN
    INSERT INTO known_place (account, place) VALUES (who, from_place)
      ON CONFLICT (account, place) DO UPDATE SET last_at = clock_timestamp();
  END IF;
END $$;

CREATE FUNCTION identity.end_session(of_account uuid, one uuid) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, identity, pg_temp AS $$
BEGIN
  UPDATE session SET ended_at = clock_timestamp() WHERE id = one AND account = of_account AND ended_at IS NULL;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  INSERT INTO revoked (tenant, subject, version, ends_at)
    VALUES ('00000000-0000-0000-0000-000000000000', one, 9223372036854775807, clock_timestamp() + interval '1 hour')
    ON CONFLICT DO NOTHING;
  RETURN true;
END $$;

CREATE FUNCTION identity.end_sessions(of_account uuid) RETURNS SETOF uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, identity, pg_temp AS $$
DECLARE
  one uuid;
BEGIN
  FOR one IN SELECT s.id FROM session s WHERE s.account = of_account AND s.ended_at IS NULL ORDER BY s.id LOOP
    IF end_session(of_account, one) THEN
      RETURN NEXT one;
    END IF;
  END LOOP;
END $$;

-- Those that are not over.
CREATE FUNCTION identity.sessions(of_account uuid)
RETURNS TABLE (id uuid, auth text, ip_prefix text, client text, began_at timestamptz, used_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, identity, pg_temp AS $$
  SELECT s.id, s.auth, s.ip_prefix, s.client, s.began_at, s.used_at FROM session s
   WHERE s.account = of_account AND s.ended_at IS NULL AND clock_timestamp() < least(s.ends_at, s.used_at + s.idle)
   ORDER BY s.used_at DESC, s.id LIMIT 500;
$$;

CREATE FUNCTION identity.account_of_session(one uuid) RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, identity, pg_temp AS $$
  SELECT s.account FROM session s
   WHERE s.id = one AND s.ended_at IS NULL AND clock_timestamp() < least(s.ends_at, s.used_at + s.idle);
$$;

-- Whose it is, or was.
CREATE FUNCTION identity.holder(held bytea) RETURNS TABLE (of_session uuid, of_account uuid, by_what text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, identity, pg_temp AS $$
  SELECT s.id, s.account, s.auth FROM refresh r JOIN session s ON s.id = r.session WHERE r.hash = held;
$$;

-- One refresh token for another. `reused`: it had been exchanged before, and the session has been ended for it.
CREATE FUNCTION identity.rotate(was bytea, becomes bytea) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, identity, pg_temp AS $$
DECLARE
  one uuid;
  of_account uuid;
  over boolean;
BEGIN
  SELECT s.id, s.account, s.ended_at IS NOT NULL OR clock_timestamp() >= least(s.ends_at, s.used_at + s.idle)
    INTO one, of_account, over
    FROM session s WHERE s.id = (SELECT r.session FROM refresh r WHERE r.hash = was) FOR UPDATE;
  IF NOT FOUND OR over THEN
    RETURN 'over';
  END IF;
  UPDATE refresh r SET used_at = clock_timestamp() WHERE r.hash = was AND r.used_at IS NULL;
  IF NOT FOUND THEN
    PERFORM end_session(of_account, one);
    RETURN 'reused';
  END IF;
  INSERT INTO refresh (hash, session) VALUES (becomes, one);
  UPDATE session s SET used_at = clock_timestamp() WHERE s.id = one;
  RETURN 'rotated';
END $$;


-- Passwords and second factors. Whoever changes a password ends all sessions.

CREATE FUNCTION identity.set_password(who uuid, was text, hashed text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, identity, pg_temp AS $$
BEGIN
  UPDATE account SET password = hashed, password_at = clock_timestamp() WHERE id = who AND password = was;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  PERFORM end_sessions(who);
  DELETE FROM ticket WHERE account = who AND kind = 'reset';
  RETURN true;
END $$;

CREATE FUNCTION identity.set_email(who uuid, by_login bytea, sealed_email bytea, sealed_key integer) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, identity, pg_temp AS $$
BEGIN
  UPDATE account SET login = by_login, email = sealed_email, email_key = sealed_key WHERE id = who;
  RETURN FOUND;
EXCEPTION WHEN unique_violation THEN
  RETURN false;
END $$;

CREATE FUNCTION identity.offer_totp(who uuid, sealed_secret bytea, sealed_key integer) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, identity, pg_temp AS $$
BEGIN
  UPDATE account SET totp = sealed_secret, totp_key = sealed_key, totp_step = 0 WHERE id = who AND totp_since IS NULL;
  RETURN FOUND;
END $$;

CREATE FUNCTION identity.take_step(who uuid, step bigint) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, identity, pg_temp AS $$
BEGIN
  UPDATE account SET totp_step = step WHERE id = who AND totp IS NOT NULL AND totp_step < step;
  RETURN FOUND;
END $$;

CREATE FUNCTION identity.set_recovery_codes(who uuid, hashes bytea[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, identity, pg_temp AS $$
BEGIN
  DELETE FROM recovery_code WHERE account = who;
  INSERT INTO recovery_code (account, hash) SELECT who, h FROM unnest(hashes) h ON CONFLICT DO NOTHING;
END $$;

CREATE FUNCTION identity.confirm_totp(who uuid, step bigint, hashes bytea[]) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, identity, pg_temp AS $$
BEGIN
  UPDATE account SET totp_since = clock_timestamp(), totp_step = step
   WHERE id = who AND totp IS NOT NULL AND totp_since IS NULL AND totp_step < step;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  PERFORM set_recovery_codes(who, hashes);
  RETURN true;
END $$;

CREATE FUNCTION identity.drop_totp(who uuid) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, identity, pg_temp AS $$
BEGIN
  PERFORM set_recovery_codes(who, '{}');
  UPDATE account SET totp = NULL, totp_key = NULL, totp_since = NULL WHERE id = who AND totp_since IS NOT NULL;
  RETURN FOUND;
END $$;

CREATE FUNCTION identity.use_recovery_code(who uuid, hashed bytea) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, identity, pg_temp AS $$
BEGIN
  DELETE FROM recovery_code WHERE account = who AND hash = hashed;
  RETURN FOUND;
END $$;


-- One-time tokens.

CREATE FUNCTION identity.add_ticket(
  t uuid, hashed bytea, of_kind text, of_account uuid, of_user uuid, sealed_email bytea, life interval) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, identity, pg_temp AS $$
BEGIN
  -- The newest alone is good: who asks again has lost the last one, or never got it.
  DELETE FROM ticket WHERE tenant = t AND kind = of_kind AND (account = of_account OR user_id = of_user);
  INSERT INTO ticket (tenant, hash, kind, account, user_id, email, ends_at)
    VALUES (t, hashed, of_kind, of_account, of_user, sealed_email, clock_timestamp() + life);
END $$;

CREATE FUNCTION identity.ticket(t uuid, hashed bytea, of_kind text)
RETURNS TABLE (account uuid, user_id uuid, email bytea)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, identity, pg_temp AS $$
  SELECT k.account, k.user_id, k.email FROM ticket k
   WHERE k.tenant = t AND k.hash = hashed AND k.kind = of_kind AND clock_timestamp() < k.ends_at;
$$;

-- True for one alone.
CREATE FUNCTION identity.use_ticket(t uuid, hashed bytea, of_kind text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, identity, pg_temp AS $$
BEGIN
  DELETE FROM ticket WHERE tenant = t AND hash = hashed AND kind = of_kind AND clock_timestamp() < ends_at;
  RETURN FOUND;
END $$;

-- The token and the password in one: whose it was, or NULL.
CREATE FUNCTION identity.reset_password(t uuid, hashed_ticket bytea, hashed text, from_place bytea) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, identity, pg_temp AS $$
DECLARE
  who uuid;
BEGIN
  DELETE FROM ticket WHERE tenant = t AND hash = hashed_ticket AND kind = 'reset' AND clock_timestamp() < ends_at
    RETURNING account INTO who;
  IF who IS NULL THEN
    RETURN NULL;
  END IF;
  UPDATE account SET password = hashed, password_at = clock_timestamp() WHERE id = who;
  PERFORM end_sessions(who);
  DELETE FROM ticket WHERE account = who AND kind = 'reset';
  -- Who reads the account's mail comes in from there, whatever others try from elsewhere.
  INSERT INTO known_place (account, place) VALUES (who, from_place)
    ON CONFLICT (account, place) DO UPDATE SET last_at = clock_timestamp();
  RETURN who;
END $$;


-- Guesses. Whoever knocks is counted before anything is looked at, so that a thousand at once are a thousand. `pause`:
-- seconds until it may be tried again, and then nothing is counted; `fresh`: nobody has been told so since the last try.
CREATE FUNCTION identity.knock(keys bytea[], free integer[], caps integer[], OUT pause double precision, OUT fresh boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, identity, pg_temp AS $$
DECLARE
  moment timestamptz;
BEGIN
  INSERT INTO guess (key) SELECT k FROM unnest(keys) k ORDER BY k ON CONFLICT DO NOTHING;
  PERFORM FROM guess g WHERE g.key = ANY (keys) ORDER BY g.key FOR UPDATE;
  moment := clock_timestamp();
  SELECT coalesce(max(extract(epoch FROM g.next_at - moment)), 0), coalesce(bool_or(NOT g.told), false)
    INTO pause, fresh FROM guess g WHERE g.key = ANY (keys) AND g.next_at > moment;
  IF pause > 0 THEN
    UPDATE guess g SET told = true WHERE g.key = ANY (keys) AND g.next_at > moment AND NOT g.told;
    RETURN;
  END IF;
  UPDATE guess g SET told = false, last_at = moment, tries = n.tries, next_at = moment + CASE
      WHEN n.tries < n.free THEN interval '0' ELSE least(n.cap, 2 ^ least(n.tries - n.free, 20)) * interval '1 second' END
    FROM (SELECT w.key, w.free, w.cap, CASE WHEN h.last_at < moment - interval '1 hour' THEN 1 ELSE h.tries + 1 END AS tries
            FROM unnest(keys, free, caps) w (key, free, cap) JOIN guess h ON h.key = w.key) n
   WHERE g.key = n.key;
END $$;

-- It was no guess: these are forgotten, and of those it is taken back.
CREATE FUNCTION identity.forgive(gone bytea[], one_less bytea[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, identity, pg_temp AS $$
BEGIN
  PERFORM FROM guess g WHERE g.key = ANY (gone || one_less) ORDER BY g.key FOR UPDATE;
  DELETE FROM guess g WHERE g.key = ANY (gone);
  UPDATE guess g SET tries = greatest(g.tries - 1, 0), next_at = clock_timestamp() WHERE g.key = ANY (one_less);
END $$;


-- What is no good any more, from a moment on (NULL: all of it), and the moment of this answer.
CREATE FUNCTION identity.revocations(since timestamptz)
RETURNS TABLE (asked_at timestamptz, tenant uuid, subject uuid, version bigint, at timestamptz, ends_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, identity, pg_temp AS $$
  SELECT m.moment, r.tenant, r.subject, r.version, r.at, r.ends_at
    FROM (SELECT clock_timestamp() AS moment) m
    LEFT JOIN revoked r ON r.ends_at > m.moment AND (since IS NULL OR r.at > since);
$$;

-- With the fact itself, in its transaction: whichever way it came, tokens that say what is so no longer are no good.
CREATE FUNCTION identity.user_moved() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, identity, pg_temp AS $$
BEGIN
  INSERT INTO revoked AS r (tenant, subject, version, ends_at)
    VALUES (NEW.tenant, NEW.stream, NEW.version, clock_timestamp() + interval '8 days')
    ON CONFLICT (tenant, subject) DO UPDATE
      SET version = greatest(r.version, excluded.version), at = excluded.at, ends_at = excluded.ends_at;
  RETURN NULL;
END $$;
CREATE TRIGGER user_moved AFTER INSERT ON event_store.event FOR EACH ROW
  WHEN (NEW.tag IN ('user.role_changed', 'user.role_changed.v2', 'user.deactivated'))
  EXECUTE FUNCTION identity.user_moved();


-- What is over. Sessions stay for a while after their end, so that a token of theirs that comes again is known.
CREATE FUNCTION identity.sweep() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, identity, pg_temp AS $$
DECLARE
  moment timestamptz := clock_timestamp();
BEGIN
  IF NOT pg_try_advisory_xact_lock(hashtextextended('identity.sweep', 0)) THEN
    RETURN;
  END IF;
  DELETE FROM revoked WHERE ends_at < moment;
  DELETE FROM ticket WHERE ends_at < moment;
  DELETE FROM guess WHERE last_at < moment - interval '1 day';
  DELETE FROM known_place WHERE last_at < moment - interval '180 days';
  DELETE FROM session WHERE least(ends_at, used_at + idle, ended_at) < moment - interval '7 days';
  DELETE FROM refresh WHERE used_at < moment - interval '30 days';
END $$;


REVOKE ALL ON ALL FUNCTIONS IN SCHEMA identity FROM public;
GRANT USAGE ON SCHEMA identity TO daybook_app;
GRANT EXECUTE ON FUNCTION
  identity.account_by_login, identity.account_of, identity.begin_account, identity.join_organization,
  identity.memberships, identity.hash_anew, identity.forget_account, identity.begin_session, identity.end_session,
  identity.end_sessions, identity.sessions, identity.account_of_session, identity.holder, identity.rotate,
  identity.set_password, identity.set_email, identity.offer_totp, identity.take_step, identity.set_recovery_codes,
  identity.confirm_totp, identity.drop_totp, identity.use_recovery_code, identity.add_ticket, identity.ticket,
  identity.use_ticket, identity.reset_password, identity.knock, identity.forgive, identity.revocations, identity.sweep
  TO daybook_app;
