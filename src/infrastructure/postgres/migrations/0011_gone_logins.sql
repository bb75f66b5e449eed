-- A session or a membership that is deleted (an account goes when its last user is erased) takes its tokens with it,
-- however long they would live: written down with the deletion, whoever does it.

CREATE FUNCTION identity.session_gone() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, identity, pg_temp AS $$
BEGIN
  INSERT INTO revoked (tenant, subject, version, ends_at)
    VALUES ('00000000-0000-0000-0000-000000000000', OLD.id, 9223372036854775807, clock_timestamp() + interval '1 hour')
    ON CONFLICT DO NOTHING;
  RETURN NULL;
END $$;
CREATE TRIGGER session_gone AFTER DELETE ON identity.session FOR EACH ROW
  WHEN (OLD.ended_at IS NULL) EXECUTE FUNCTION identity.session_gone();

CREATE FUNCTION identity.member_gone() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, identity, pg_temp AS $$
BEGIN
  INSERT INTO revoked AS r (tenant, subject, version, ends_at)
    VALUES (OLD.tenant, OLD.user_id, 9223372036854775807, clock_timestamp() + interval '8 days')
    ON CONFLICT (tenant, subject) DO UPDATE
      SET version = greatest(r.version, excluded.version), at = excluded.at, ends_at = excluded.ends_at;
  RETURN NULL;
END $$;
CREATE TRIGGER member_gone AFTER DELETE ON identity.membership FOR EACH ROW EXECUTE FUNCTION identity.member_gone();

REVOKE ALL ON FUNCTION identity.session_gone, identity.member_gone FROM public;
