-- Refreshes are changes of state too: `refreshing` stands in the history, though not in installs.state, where it
-- would outlive a refresher that was killed.
alter table install_history
  -- Left the install as it was: a hundred such rows a day and install are kept for some days only.
  add column routine boolean not null default false;

create index install_history_at on install_history using brin (at);

create or replace function record_install_history() returns trigger language plpgsql as $$
declare
  unchanged boolean := tg_op = 'UPDATE' and old.state = new.state and old.install_id = new.install_id;
begin
  insert into install_history (portal_id, install_id, from_state, to_state, reason, routine)
  values (
    new.portal_id,
    new.install_id,
    -- Where the row before left off, so that the history has no gap.
    (select to_state from install_history where portal_id = new.portal_id order by id desc limit 1),
    new.state,
    case when unchanged and new.state = 'active' then 'refreshed' else new.state_reason end,
    unchanged
  );
  return null;
end;
$$;

drop trigger installs_history_update on installs;

create trigger installs_history_update after update on installs
  for each row when (
    old.state <> new.state or
    old.install_id <> new.install_id or
    old.refresh_failures < new.refresh_failures or
    (old.token_version <> new.token_version and new.access_token is not null)
  )
  execute function record_install_history();
