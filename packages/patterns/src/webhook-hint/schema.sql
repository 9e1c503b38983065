-- Webhooks that were received, once for each event of the sender.
CREATE TABLE provider_webhooks (
  event_id text PRIMARY KEY,
  type text NOT NULL,
  -- What it is about, if the event names anything of ours.
  subject_id uuid,
  received_at timestamptz NOT NULL DEFAULT now()
);
