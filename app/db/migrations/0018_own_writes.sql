-- What this app itself wrote at HubSpot lately, by which its webhooks are told from other people's changes where HubSpot
-- does not say who made them. Digests only. What a crash of the database loses is not missed, so nothing is logged ahead.
create unlogged table own_writes (
  -- Of portal and record.
  record bigint not null,
  -- Of each change: a property with its value, an association, a creation, …
  marks bigint[] not null,
  -- By a webhook handler, which may be triggered by it.
  by_handler boolean not null,
  written_at timestamptz not null default now()
);

create index own_writes_record on own_writes (record);
create index own_writes_written on own_writes using brin (written_at);
