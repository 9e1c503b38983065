-- When the listing of an announcement went live, by the clock of the service that published it: the
-- delay of a mail is counted from here, and includes the time that its event spent in Kafka.
ALTER TABLE announcements ADD COLUMN live_at timestamptz NOT NULL DEFAULT now();

-- Finds the mail that has waited longest, which is looked at every second.
CREATE INDEX deliveries_waiting ON deliveries (created_at) WHERE status = 'pending';
