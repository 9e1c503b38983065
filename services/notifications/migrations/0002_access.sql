-- Who works with a table does not own it: an owner may drop it, and grant itself whatever it lacks.
DO $$
DECLARE ours regclass;
BEGIN
  FOR ours IN SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
  LOOP EXECUTE format('ALTER TABLE %s OWNER TO notifications_owner', ours);
  END LOOP;
END $$;

-- Whoever only looks.
GRANT USAGE ON SCHEMA public TO notifications_reader;
GRANT SELECT ON addresses, alerts, announcements, mail_queues, deliveries, inbox TO notifications_reader;
