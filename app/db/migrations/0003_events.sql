-- Outbox of app events: stored before the first try, so that HubSpot being down loses none.
create table timeline_events (
  portal_id bigint not null,
  id text not null,
  -- Goes when HubSpot has it.
  occurrence jsonb,
  state text not null default 'waiting' check (state in ('waiting', 'sent', 'refused')),
  last_error text,
  created_at timestamptz not null default now(),
  sent_at timestamptz,
  primary key (portal_id, id)
);

-- The vendor's own marketing events, which HubSpot asks for through the event details URL.
create table marketing_events (
  external_account_id text not null,
  external_event_id text not null,
  details jsonb not null,
  updated_at timestamptz not null default now(),
  primary key (external_account_id, external_event_id)
);

-- When each scheduled job was last enqueued, so that it is enqueued once over all worker processes.
create table schedule_slots (
  name text primary key,
  last_slot timestamptz not null
);
