create sequence install_ids;

alter table installs
  -- Tells one install of a portal from the next one after a reinstall.
  add column install_id bigint not null default nextval('install_ids'),
  -- When the sweep should refresh the token: some minutes before it expires, or when the next try is due.
  add column refresh_due_at timestamptz,
  add column refresh_failures integer not null default 0,
  add column state_reason text not null default 'installed',
  drop constraint installs_state_check,
  drop constraint installs_check,
  add constraint installs_state_check check (state in ('active', 'backing_off', 'needs_reconnect', 'uninstalled')),
  add constraint installs_tokens_check check (
    (state in ('active', 'backing_off')) = (access_token is not null) and
    (access_token is null) = (refresh_token is null) and
    (access_token is null) = (access_token_expires_at is null) and
    (access_token is null) = (refresh_due_at is null)
  );

drop index installs_expiry;
create index installs_refresh_due on installs (refresh_due_at, portal_id) where refresh_due_at is not null;

-- Every change of an install's state, with its reason. Written by the trigger, so that no change goes unrecorded.
create table install_history (
  id bigint generated always as identity primary key,
  portal_id bigint not null,
  install_id bigint not null,
  at timestamptz not null default clock_timestamp(),
  from_state text,
  to_state text not null,
  reason text not null
);

create index install_history_portal on install_history (portal_id, id);

create function record_install_history() returns trigger language plpgsql as $$
begin
  insert into install_history (portal_id, install_id, from_state, to_state, reason)
  values (new.portal_id, new.install_id, case when tg_op = 'UPDATE' then old.state end, new.state, new.state_reason);
  return null;
end;
$$;

create trigger installs_history_insert after insert on installs
  for each row execute function record_install_history();

create trigger installs_history_update after update on installs
  for each row when (old.state <> new.state or old.install_id <> new.install_id)
  execute function record_install_history();

alter table oauth_states
  -- 'own': started at /install. 'partner': started in HubSpot's marketplace, through our sign-in page.
  add column flow text not null default 'own' check (flow in ('own', 'partner')),
  -- Who signed in, and the hash of the cookie in the browser that did.
  add column partner_user text,
  add column browser_hash bytea;

-- The vendor's user who connected this portal through the sign-in page.
alter table installs add column partner_user text;

-- Trouble that an operator has to mend; a row goes when it is over.
create table alarms (
  name text primary key,
  message text not null,
  raised_at timestamptz not null default now(),
  last_seen_at timestamptz not null default now(),
  occurrences bigint not null default 1
);

-- Keys for this server's own API: hashes only.
create table api_keys (
  id text primary key,
  name text not null,
  secret_hash bytea not null,
  -- Null: any portal.
  portal_id bigint,
  created_at timestamptz not null default now(),
  last_used_at timestamptz,
  revoked_at timestamptz
);

-- One known text per encryption key that was ever used: shows at start that TOKEN_KEYS holds the right keys.
create table key_canaries (
  key_id text primary key,
  value text not null,
  created_at timestamptz not null default now()
);
