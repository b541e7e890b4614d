-- Tells a retry of an app event from another event under its id. Rows from before have no digest: what they said is not
-- known, and counts as the same.
alter table timeline_events add column content_digest bytea,
  -- The webhook event whose handler sent it.
  add column cause uuid;
