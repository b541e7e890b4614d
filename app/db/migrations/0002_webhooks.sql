-- Verified webhook deliveries as received: the row is committed before HubSpot gets its 204. The body goes when its
-- events have been split off; a rejected one keeps it, to be looked at.
create table webhook_deliveries (
  id bigint generated always as identity primary key,
  received_at timestamptz not null default now(),
  body bytea,
  events integer,
  state text not null default 'waiting' check (state in ('waiting', 'done', 'rejected')),
  problem text
);

-- Bodies live for moments: compressing them would cost more than it saves.
alter table webhook_deliveries alter column body set storage external;

create index webhook_deliveries_waiting on webhook_deliveries (id) where state = 'waiting';
create index webhook_deliveries_received on webhook_deliveries using brin (received_at);

-- One row per event, under the identity that HubSpot's repeats share.
--   waiting   to be handled           retrying  failed, to be tried again at run_at; holds its record's later events
--   done      handled                 ignored   no handler wants it
--   dead      failed for good         erased    belongs to a person whose data was deleted
create table webhook_events (
  id uuid primary key,
  delivery_id bigint,
  portal_id bigint not null,
  -- Portal, object type and object: events of one record are handled one at a time, in order of occurrence.
  record text not null,
  subscription_type text not null,
  -- Records are spread over lanes; one worker at a time works a lane.
  lane smallint not null,
  -- 0 before 1: imports wait for everything else.
  priority smallint not null,
  -- Milliseconds since 1970.
  occurred_at bigint not null,
  event json,
  state text not null check (state in ('waiting', 'retrying', 'done', 'ignored', 'dead', 'erased')),
  attempts smallint not null default 0,
  run_at timestamptz,
  last_error text,
  received_at timestamptz not null default now(),
  done_at timestamptz
) with (fillfactor = 80);

create index webhook_events_waiting on webhook_events (lane, priority, occurred_at, id) where state = 'waiting';
create index webhook_events_retrying on webhook_events (lane, run_at) where state = 'retrying';
-- "Is this record held up by a failed event?"
create index webhook_events_held on webhook_events (record) where state = 'retrying';
create index webhook_events_imports on webhook_events (record) where state = 'waiting' and priority = 1;
create index webhook_events_record on webhook_events (record, state);
create index webhook_events_received on webhook_events using brin (received_at);
