-- Attempts of webhook events that do not count, because HubSpot was unavailable or the account has no install.
alter table webhook_events add column outages smallint not null default 0;
