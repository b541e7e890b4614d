-- HubSpot keeps ids of app events apart by event type; so does the key. What was sent or refused no longer says its
-- type and keeps the empty one: should its id come again, it is sent again, and HubSpot refuses an id that it has.
-- Rows are rewritten for waiting events alone.
alter table timeline_events add column event_type text not null default '';
update timeline_events set event_type = coalesce(occurrence->>'eventTypeName', '') where state = 'waiting';
alter table timeline_events drop constraint timeline_events_pkey, alter column event_type drop default,
  add primary key (portal_id, event_type, id);

-- Walked in the order of the key by the job that looks for waiting events without a job.
drop index timeline_events_waiting;
create index timeline_events_waiting on timeline_events (portal_id, event_type, id) where state = 'waiting';
