-- The second wall: whoever asks the views sees the rows of one tenant, even where a statement forgets to say whose.
--
-- The first wall is the statement's own condition. The second is the server's: rows of a view are shown to the
-- application only for the tenant that it has named in the same transaction (app.tenant), and none where it named none.
-- Views are written by another role, which follows the log of all tenants and answers nobody.
--
-- Events, commands and claims have no such policy: the application may touch them through functions alone, each of
-- which takes the tenant. (Under a policy the overlap of two ranges could not be found by its index: the operator is
-- not leakproof, and would be asked of every row.)

GRANT USAGE ON SCHEMA event_store, read TO daybook_projector;
GRANT EXECUTE ON FUNCTION
  event_store.read_log, event_store.read_log_of, event_store.read_streams, event_store.watermark, event_store.lag,
  event_store.adopt_cluster TO daybook_projector;
GRANT SELECT, INSERT, UPDATE, DELETE ON read.position, read.parked TO daybook_projector;
REVOKE INSERT, UPDATE, DELETE ON read.position, read.parked FROM daybook_app;


-- Puts a table of a view behind the wall, and says who may do what with it. One without a tenant is for everybody.
CREATE FUNCTION read.wall(what regclass) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  EXECUTE format('REVOKE ALL ON %s FROM daybook_app', what);
  EXECUTE format('GRANT SELECT ON %s TO daybook_app', what);
  EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO daybook_projector', what);
  IF EXISTS (SELECT FROM pg_attribute WHERE attrelid = what AND attname = 'tenant' AND NOT attisdropped) THEN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', what);
    EXECUTE format('DROP POLICY IF EXISTS of_one_tenant ON %s', what);
    -- The sub-select is asked once a statement; asked for each row the setting costs more than the row.
    EXECUTE format('CREATE POLICY of_one_tenant ON %s FOR SELECT TO daybook_app USING '
      '(tenant = (SELECT nullif(current_setting(''app.tenant'', true), ''''))::uuid)', what);
    EXECUTE format('DROP POLICY IF EXISTS of_all ON %s', what);
    EXECUTE format('CREATE POLICY of_all ON %s TO daybook_projector USING (true) WITH CHECK (true)', what);
  END IF;
END $$;
REVOKE ALL ON FUNCTION read.wall FROM public;

-- The tables that are there already. Those that views make later are put behind it as they are made.
DO $$
DECLARE
  known regclass;
BEGIN
  FOR known IN SELECT c.oid FROM pg_class c WHERE c.relnamespace = 'read'::regnamespace AND c.relkind = 'r'
                AND c.relname NOT IN ('position', 'parked') LOOP
    PERFORM read.wall(known);
  END LOOP;
END $$;
