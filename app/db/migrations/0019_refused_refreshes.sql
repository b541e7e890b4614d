-- The alarm about an account whose refreshes HubSpot refuses is derived from its install.
alter table installs
  -- Since when HubSpot refuses each refresh. Counts only while the state is `backing_off`: a process of the release
  -- before does not reset it.
  add column refresh_refused_since timestamptz;

create index installs_refresh_refused on installs (refresh_refused_since)
  where state = 'backing_off' and refresh_refused_since is not null;

update installs set refresh_refused_since = alarms.raised_at
from alarms
where installs.state = 'backing_off' and alarms.name = 'refresh_refused:' || installs.portal_id;

delete from alarms where starts_with(name, 'refresh_refused:');
