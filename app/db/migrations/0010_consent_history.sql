-- A customer who consents again while the app is installed keeps the install: that is no refresh, and stays in the
-- history for good.
create or replace function record_install_history() returns trigger language plpgsql as $$
declare
  unchanged boolean := tg_op = 'UPDATE' and old.state = new.state and old.install_id = new.install_id
    and old.installed_at = new.installed_at;
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
