-- Saved alerts, and the mails that they lead to.

CREATE TABLE alerts (
  alert_id uuid PRIMARY KEY,
  email text NOT NULL,
  text text,
  area text,
  seniority text,
  salary_at_least_eur integer,
  created_at timestamptz NOT NULL DEFAULT now(),
  -- The same wish saved twice is one alert: saving is repeatable by nature and needs no key.
  UNIQUE NULLS NOT DISTINCT (email, text, area, seniority, salary_at_least_eur)
);

-- One row per candidate and listing: the intent to tell, and what became of it.
CREATE TABLE deliveries (
  delivery_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  listing_id uuid NOT NULL,
  email text NOT NULL,
  listing jsonb NOT NULL,
  status text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'sent', 'failed')),
  attempts integer NOT NULL DEFAULT 0,
  next_attempt_at timestamptz DEFAULT now(),
  failure text,
  traceparent text,
  created_at timestamptz NOT NULL DEFAULT now(),
  sent_at timestamptz,
  UNIQUE (listing_id, email),
  CHECK ((status = 'pending') = (next_attempt_at IS NOT NULL)),
  CHECK ((status = 'sent') = (sent_at IS NOT NULL)),
  CHECK ((status = 'failed') = (failure IS NOT NULL))
);

CREATE INDEX deliveries_due ON deliveries (next_attempt_at) WHERE status = 'pending';

-- Which events have been applied. Written in the transaction of the effect, or it would prove nothing.
CREATE TABLE inbox (
  consumer text NOT NULL,
  event_id uuid NOT NULL,
  applied_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (consumer, event_id)
);

-- The service's own role: no DDL, no DELETE anywhere.
GRANT USAGE ON SCHEMA public TO notifications;
GRANT SELECT, INSERT ON alerts, inbox TO notifications;
GRANT SELECT, INSERT, UPDATE ON deliveries TO notifications;
