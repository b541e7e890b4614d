-- An account of one's own can be connected with an access token that HubSpot shows (private app, service key): it
-- does not expire, and there is nothing to refresh it with.
alter table installs
  add column kind text not null default 'oauth' check (kind in ('oauth', 'access_token')),
  drop constraint installs_tokens_check,
  add constraint installs_tokens_check check (
    (state in ('active', 'backing_off')) = (access_token is not null) and
    (access_token is not null and kind = 'oauth') = (refresh_token is not null) and
    (refresh_token is null) = (access_token_expires_at is null) and
    (refresh_token is null) = (refresh_due_at is null)
  );
