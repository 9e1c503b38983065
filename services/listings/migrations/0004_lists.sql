-- The newest listings with a filter that most have are found by the index of all. These are for filters
-- that few have.
CREATE INDEX listings_live_of_area ON listings (area, published_at DESC, listing_id DESC)
  WHERE status = 'live';
CREATE INDEX listings_live_of_seniority ON listings (seniority, published_at DESC, listing_id DESC)
  WHERE status = 'live';
CREATE INDEX listings_live_of_salary ON listings (salary_max_eur) WHERE status = 'live';
