-- Verified webhook deliveries as received: the row is committed before HubSpot gets its 204.
create table webhook_deliveries (
  id bigint generated always as identity primary key,
  received_at timestamptz not null default now(),
  body bytea not null,
  state text not null default 'waiting' check (state in ('waiting', 'done', 'rejected')),
  problem text
);

create index webhook_deliveries_waiting on webhook_deliveries (id) where state = 'waiting';

-- One row per event of a delivery, under the identity that HubSpot's repeats share.
create table webhook_events (
  event_key text primary key,
  delivery_id bigint not null references webhook_deliveries (id),
  portal_id bigint not null,
  event jsonb not null,
  state text not null default 'waiting' check (state in ('waiting', 'done', 'dead')),
  attempts integer not null default 0,
  last_error text,
  received_at timestamptz not null default now(),
  done_at timestamptz
);
