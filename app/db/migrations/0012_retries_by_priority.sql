-- Failed imports stand behind other events too: "what is due of this lane, of this priority?", and "has any import failed?"
create index webhook_events_due on webhook_events (priority, lane, run_at) where state = 'retrying';
