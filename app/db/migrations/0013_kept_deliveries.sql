-- In a transaction of its own: deliveries are held up for no longer than this, and no other lock is held meanwhile.
commit;
begin;

-- What is kept of deliveries because it is no event: few rows, looked through on a privacy deletion.
create index webhook_deliveries_kept on webhook_deliveries (id) where state <> 'waiting' and body is not null;
