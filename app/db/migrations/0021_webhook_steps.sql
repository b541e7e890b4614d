-- Steps of handlers that a retry of their event does not repeat.
create table webhook_steps (
  -- No foreign key: its check would wait for the handler's transaction, which locks the event.
  event_id uuid not null,
  handler text not null,
  name text not null,
  -- A step that is running when another attempt begins: whether it was done is unknown.
  state text not null default 'running' check (state in ('running', 'done')),
  result json,
  primary key (event_id, handler, name)
);
