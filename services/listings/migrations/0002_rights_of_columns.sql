-- The role of requests can make drafts and publications, and can neither write a text anew, nor a
-- price, nor that a listing is live. That a listing is live is written by the worker, which consumes
-- what payments says.
REVOKE INSERT, UPDATE ON listings, publications FROM listings;
GRANT INSERT (listing_id, tenant_id, title, company, description, area, seniority, salary_min_eur,
    salary_max_eur, search), UPDATE (status, version)
  ON listings TO listings;
GRANT INSERT (publication_id, listing_id, tenant_id, plan, amount_cents, currency, card_token,
    key_hash, fingerprint, traceparent, next_check_at),
  UPDATE (status, payment_id, card_token, attempt, next_check_at, checks, updated_at)
  ON publications TO listings;
ALTER POLICY own_rows ON listings
  WITH CHECK (tenant_id = current_tenant() AND status <> 'live');
ALTER POLICY own_rows ON publications
  WITH CHECK (tenant_id = current_tenant() AND status <> 'published');

REVOKE UPDATE ON listings, publications FROM listings_worker;
GRANT UPDATE (status, published_at, version) ON listings TO listings_worker;
GRANT UPDATE (status, payment_id, card_token, attempt, next_check_at, checks, updated_at)
  ON publications TO listings_worker;
