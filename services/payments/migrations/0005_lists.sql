-- Most payments are captured, and are found by the index of all. The others of a tenant are few.
CREATE INDEX payments_not_captured ON payments (tenant_id, status, created_at DESC, payment_id DESC)
  WHERE status <> 'captured';
CREATE INDEX payments_of_publication ON payments (publication_id);
