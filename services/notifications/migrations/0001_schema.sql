-- Addresses and their consent, saved alerts, and the mails that they lead to.

-- One row per mailbox. The key is the normalised address, so that one mailbox has one consent and one
-- bound, however its address is written.
CREATE TABLE addresses (
  address text PRIMARY KEY,
  -- Stands for the address in links. Random, so that a link says nothing about the address.
  address_id uuid NOT NULL UNIQUE DEFAULT gen_random_uuid(),
  -- The local part as it was first typed: to the server of its domain its case may matter.
  send_to text NOT NULL,
  -- Raised by each unsubscribe, so that no earlier confirmation, link or mail counts afterwards.
  consent_version integer NOT NULL DEFAULT 1,
  confirmed_at timestamptz,
  unsubscribed_at timestamptz,
  -- When a confirmation mail was last intended, which bounds how often a stranger can cause one.
  confirmation_asked_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE alerts (
  alert_id uuid PRIMARY KEY,
  address text NOT NULL REFERENCES addresses,
  -- As it was typed. What it means is `terms`, sorted, and the same as a query.
  text text,
  terms text[],
  query tsquery,
  -- The longest of the terms, or nothing for an alert without text. A listing that does not have this
  -- term can't match, so it only looks at the alerts whose anchor it has.
  anchor text NOT NULL,
  area text,
  seniority text,
  salary_at_least_eur integer,
  created_at timestamptz NOT NULL DEFAULT now(),
  CHECK ((terms IS NULL) = (query IS NULL) AND (terms IS NULL) = (anchor = '')),
  -- The same alert saved twice is one alert: saving is repeatable by nature and needs no key.
  UNIQUE NULLS NOT DISTINCT (address, terms, area, seniority, salary_at_least_eur)
);

CREATE INDEX alerts_anchor ON alerts (anchor, alert_id);

-- A listing that went live, and how far it has been matched against the alerts.
CREATE TABLE announcements (
  listing_id uuid PRIMARY KEY,
  listing jsonb NOT NULL,
  traceparent text,
  -- Alerts are worked through in the order of anchor and id; up to this one it is done.
  matched_anchor text NOT NULL DEFAULT '',
  matched_alert uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
  matched_at timestamptz,
  -- Open announcements take turns: the lowest number is next, and each turn gives it a new one.
  turn bigint NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE SEQUENCE announcement_turns;
CREATE INDEX announcements_open ON announcements (turn) WHERE matched_at IS NULL;

-- Mails wait in one queue per listing, and in one for all confirmations. The queues take turns, so
-- that the many mails of one listing do not hold up the first mail of another.
CREATE TABLE mail_queues (
  queue_id uuid PRIMARY KEY,
  -- When a mail of it may be due. NULL: none is pending.
  due_at timestamptz,
  turn bigint NOT NULL DEFAULT 0,
  -- Raised when mails are added or postponed: a sender that found nothing due may only let the queue
  -- rest if nothing was added since it looked.
  wakes bigint NOT NULL DEFAULT 0
);
CREATE SEQUENCE mail_turns;
CREATE INDEX mail_queues_open ON mail_queues (turn) WHERE due_at IS NOT NULL;
INSERT INTO mail_queues (queue_id, due_at) VALUES ('00000000-0000-0000-0000-000000000000', now());

-- One mail that is to be sent, and its outcome.
CREATE TABLE deliveries (
  delivery_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  -- NULL: not about a listing, but the request to confirm the address.
  listing_id uuid REFERENCES announcements,
  queue_id uuid NOT NULL GENERATED ALWAYS AS
    (coalesce(listing_id, '00000000-0000-0000-0000-000000000000')) STORED,
  address text NOT NULL REFERENCES addresses,
  consent_version integer NOT NULL,
  status text NOT NULL DEFAULT 'pending'
    CHECK (status IN ('pending', 'sent', 'failed', 'suppressed')),
  -- Leased work: packages/patterns/src/lease. The number of the latest attempt.
  attempt integer NOT NULL DEFAULT 0,
  -- Attempts that may have left a mail with the server: all but those that certainly have not.
  copies integer NOT NULL DEFAULT 0,
  next_check_at timestamptz DEFAULT now(),
  failure text,
  created_at timestamptz NOT NULL DEFAULT now(),
  sent_at timestamptz,
  -- One mail per candidate and listing. Confirmations have no listing, and NULLs are distinct.
  UNIQUE (listing_id, address),
  CHECK ((status = 'pending') = (next_check_at IS NOT NULL)),
  CHECK ((status = 'sent') = (sent_at IS NOT NULL)),
  CHECK ((status IN ('failed', 'suppressed')) = (failure IS NOT NULL))
);
CREATE INDEX deliveries_due ON deliveries (queue_id, next_check_at) WHERE status = 'pending';

-- packages/patterns/src/inbox/schema.sql
CREATE TABLE inbox (
  consumer text NOT NULL,
  event_id uuid NOT NULL,
  applied_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (consumer, event_id)
);

-- The roles that work with a table do not own it: an owner may drop it, and grant itself any right.
DO $$
DECLARE ours regclass;
BEGIN
  FOR ours IN SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
  LOOP EXECUTE format('ALTER TABLE %s OWNER TO notifications_owner', ours);
  END LOOP;
END $$;

-- The service's own role: no DDL, and no DELETE but that of alerts.
GRANT USAGE ON SCHEMA public TO notifications, notifications_reader;
GRANT SELECT, INSERT ON inbox TO notifications;
GRANT SELECT, INSERT, DELETE ON alerts TO notifications;
GRANT SELECT, INSERT, UPDATE ON addresses, announcements, mail_queues, deliveries TO notifications;
GRANT USAGE ON SEQUENCE announcement_turns, mail_turns TO notifications;

-- Readers: the auditor.
GRANT SELECT ON addresses, alerts, announcements, mail_queues, deliveries, inbox TO notifications_reader;
