-- How many calls each portal's HubSpot API may still take: start times of the calls in the rolling window, shared by
-- all processes. Not logged: after a crash of the database the worst is one early call too many.
create unlogged table call_budgets (
  portal_id bigint not null,
  lane text not null,
  -- Milliseconds since 1970, ascending; some lie a moment ahead.
  slots bigint[] not null default '{}',
  last_background bigint not null default 0,
  -- What HubSpot's headers say the limit is, where that is less than the setting.
  known_limit int,
  -- HubSpot said to wait until then.
  not_before bigint not null default 0,
  primary key (portal_id, lane)
);

-- Reserves start times for up to p_count calls, none more than p_ahead ms from now, so that no more than p_limit
-- calls start within any p_window ms. Background calls are spread evenly over the window: the next slot is then
-- never far for a call that a person waits for.
create function reserve_calls(
  p_portal bigint, p_lane text, p_count int, p_limit int, p_window int, p_background boolean, p_ahead int,
  out starts bigint[], out now_ms bigint, out retry_at bigint
) language plpgsql as $$
declare
  budget call_budgets;
  used bigint[];
  n int;
  t bigint;
begin
  insert into call_budgets (portal_id, lane) values (p_portal, p_lane) on conflict do nothing;
  select * into budget from call_budgets where portal_id = p_portal and lane = p_lane for update;
  now_ms := floor(extract(epoch from clock_timestamp()) * 1000);
  p_limit := least(p_limit, coalesce(budget.known_limit, p_limit));
  used := array(select s from unnest(budget.slots) s where s > now_ms - p_window order by s);
  starts := '{}';
  for i in 1..p_count loop
    n := cardinality(used);
    t := greatest(now_ms, budget.not_before);
    if n >= p_limit then t := greatest(t, used[n - p_limit + 1] + p_window); end if;
    if p_background then t := greatest(t, budget.last_background + ceil(p_window::numeric / p_limit)); end if;
    if t - now_ms > p_ahead then
      retry_at := t;
      exit;
    end if;
    starts := starts || t;
    if n > 0 and t < used[n] then used := array(select s from unnest(used || t) s order by s);
    else used := used || t;
    end if;
    if p_background then budget.last_background := t; end if;
  end loop;
  update call_budgets set slots = used, last_background = budget.last_background
  where portal_id = p_portal and lane = p_lane;
end;
$$;
