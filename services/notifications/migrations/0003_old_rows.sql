-- What is deleted, and by whom. How long it is kept is in limits.ts, the reasons in docs/what-is-kept.md.

CREATE INDEX inbox_oldest ON inbox (applied_at);
CREATE INDEX announcements_oldest ON announcements (created_at);
-- An address can't be deleted while a delivery names it, which is looked up for each.
CREATE INDEX deliveries_of_address ON deliveries (address);
CREATE INDEX confirmations_oldest ON deliveries (created_at) WHERE listing_id IS NULL;
CREATE INDEX addresses_without_consent ON addresses (created_at) WHERE confirmed_at IS NULL;
GRANT DELETE ON inbox, announcements, mail_queues, deliveries, addresses TO notifications;

-- What is under way is not deleted, whatever the code believes.
ALTER TABLE deliveries ENABLE ROW LEVEL SECURITY;
CREATE POLICY seen ON deliveries FOR SELECT TO notifications, notifications_reader USING (true);
CREATE POLICY made ON deliveries FOR INSERT TO notifications WITH CHECK (true);
CREATE POLICY changed ON deliveries FOR UPDATE TO notifications USING (true);
CREATE POLICY final_only ON deliveries FOR DELETE TO notifications USING (status <> 'pending');
