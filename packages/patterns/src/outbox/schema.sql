-- The events that are committed and not yet, or no longer, on their way.
CREATE TABLE outbox (
  -- The order in which they are published. One aggregate's events get their ids in order.
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  event_id uuid NOT NULL,
  topic text NOT NULL,
  aggregate_id uuid NOT NULL,
  payload text NOT NULL,
  -- The trace of the request that caused the event; the relay has none of its own to offer.
  traceparent text,
  created_at timestamptz NOT NULL DEFAULT now(),
  published_at timestamptz
);

-- What the relay reads. It stays small however many events were published before.
CREATE INDEX outbox_unpublished ON outbox (id) WHERE published_at IS NULL;

-- Which relay publishes: the epoch grows with each that takes over, and fences the one before it.
CREATE TABLE outbox_lane (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  epoch integer NOT NULL,
  held_until timestamptz NOT NULL
);
INSERT INTO outbox_lane (epoch, held_until) VALUES (0, '-infinity');
