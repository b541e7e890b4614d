-- One row per portal (HubSpot account) that installed the app. Tokens are encrypted by app/db/key-ring.ts.
create table installs (
  portal_id bigint primary key,
  app_id bigint not null,
  user_id bigint,
  user_email text,
  hub_domain text,
  scopes text[] not null default '{}',
  state text not null check (state in ('active', 'needs_reconnect', 'uninstalled')),
  access_token text,
  refresh_token text,
  access_token_expires_at timestamptz,
  -- Grows by one with each token that is stored; a writer that saw an older version does not overwrite.
  token_version bigint not null default 1,
  installed_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  check (state <> 'active' or (access_token is not null and refresh_token is not null and access_token_expires_at is not null))
);

-- The sweep walks the active installs in order of expiry.
create index installs_expiry on installs (access_token_expires_at, portal_id) where state = 'active';

-- OAuth states in flight. Only hashes; used ones stay until they expire, to tell "used" from "unknown".
create table oauth_states (
  state_hash bytea primary key,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  used_at timestamptz
);

create index oauth_states_expiry on oauth_states (expires_at);
