-- Received webhooks: one row for each event of the sender.
CREATE TABLE provider_webhooks (
  event_id text PRIMARY KEY,
  type text NOT NULL,
  -- The work that the event is about, if it names any of ours.
  subject_id uuid,
  received_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX provider_webhooks_of_subject ON provider_webhooks (subject_id);
CREATE INDEX provider_webhooks_oldest ON provider_webhooks (received_at);
