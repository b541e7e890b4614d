-- A deleted person may have been several contacts: their merges are looked up by portal.
create index webhook_events_merges on webhook_events (portal_id)
  where subscription_type in ('contact.merge', 'object.merge');
