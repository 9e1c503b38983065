-- A request that leaves its payment open looks for a webhook that came meanwhile.
CREATE INDEX provider_webhooks_of_subject ON provider_webhooks (subject_id);
