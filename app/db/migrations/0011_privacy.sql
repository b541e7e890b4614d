-- A privacy deletion may be tried again after its erasure: it has one receipt for each record. Older receipts name no
-- deletion.
alter table privacy_receipts add column event_id uuid;
create unique index privacy_receipts_event on privacy_receipts (event_id, record);
