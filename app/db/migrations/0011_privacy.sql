-- Work goes on meanwhile: the strongest lock is taken first, with no other held.

--   unknown   no handler wants it, and its type is none that this server knows
-- Rows that are there have one of the other states: they need no check, which would read the whole table.
alter table webhook_events drop constraint webhook_events_state_check,
  add constraint webhook_events_state_check
    check (state in ('waiting', 'retrying', 'done', 'ignored', 'unknown', 'dead', 'erased')) not valid;

-- Associations with a deleted person are found from both ends. What is longer is no id, and may not fit in an index.
create index webhook_events_association_from on webhook_events (portal_id, left(event->>'fromObjectId', 100))
  where subscription_type like '%.associationChange';
create index webhook_events_association_to on webhook_events (portal_id, left(event->>'toObjectId', 100))
  where subscription_type like '%.associationChange';

-- A privacy deletion may be tried again after its erasure: it has one receipt for each record. Older receipts name no
-- deletion.
alter table privacy_receipts add column event_id uuid;
create unique index privacy_receipts_event on privacy_receipts (event_id, record);

-- Nothing needs what a refused app event said, nor HubSpot's words about it.
update timeline_events set occurrence = null, last_error = null where state = 'refused';
create index timeline_events_waiting on timeline_events (portal_id) where state = 'waiting';
