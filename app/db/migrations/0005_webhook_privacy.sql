-- What was erased on a privacy deletion: proof for the operator, and the reason not to store late events of that
-- record again. Holds no personal data.
create table privacy_receipts (
  id bigint generated always as identity primary key,
  portal_id bigint not null,
  record text not null,
  erased_at timestamptz not null default now(),
  -- Rows by table.
  erased jsonb not null
);

create index privacy_receipts_record on privacy_receipts (record);

-- Requests whose signature did not verify, with what would have made it verify. Bounded in number; no body, no query.
create table webhook_refusals (
  id bigint generated always as identity primary key,
  at timestamptz not null default now(),
  method text not null,
  path text not null,
  reason text not null,
  finding text not null,
  setting text,
  body_bytes integer not null
);

-- Client secrets that were ever configured, encrypted: a signature made with one that was taken out too early can
-- be told from a forged one.
create table client_secrets (
  hash bytea primary key,
  sealed text not null,
  first_seen_at timestamptz not null default now()
);
