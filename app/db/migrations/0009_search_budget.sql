-- Where the limit is so small that a late call costs a refusal (search: 5 a second), a call occupies its place until
-- the window after its answer: HubSpot counted it at some moment before, so the next one cannot come too early,
-- however slow the network or this server is.
alter table call_budgets
  -- Start times of calls that were not answered yet.
  add column unanswered bigint[] not null default '{}';

drop function reserve_calls;

-- Reserves start times for up to p_count calls, none more than p_ahead ms from now, so that no more than p_limit
-- calls reach HubSpot within any p_window ms. Background calls are spread evenly over the window: the next slot is
-- then never far for a call that a person waits for.
-- p_until_answered: the caller tells the end of each call with answer_call.
create function reserve_calls(
  p_portal bigint, p_lane text, p_count int, p_limit int, p_window int, p_background boolean, p_ahead int,
  p_until_answered boolean,
  out starts bigint[], out now_ms bigint, out retry_at bigint
) language plpgsql as $$
declare
  -- A process that died does not tell: after this long its calls were counted for sure.
  longest constant int := 5000;
  budget call_budgets;
  used bigint[];
  n int;
  t bigint;
begin
  insert into call_budgets (portal_id, lane) values (p_portal, p_lane) on conflict do nothing;
  select * into budget from call_budgets where portal_id = p_portal and lane = p_lane for update;
  now_ms := floor(extract(epoch from clock_timestamp()) * 1000);
  p_limit := least(p_limit, coalesce(budget.known_limit, p_limit));
  budget.unanswered := array(select s from unnest(budget.unanswered) s where s between now_ms - longest and now_ms + p_window);
  -- What lies further ahead than anything is reserved was noted before the clock was set back.
  budget.slots := array(
    select s from unnest(budget.slots) s where s > now_ms - p_window and s <= now_ms + p_window order by s);
  budget.last_background := least(budget.last_background, now_ms + p_window);
  -- Unanswered calls count as of now. As p_ahead is shorter than the window, no start is granted on that guess.
  used := array(
    select s from unnest(budget.slots) s
    union all select greatest(s, now_ms) from unnest(budget.unanswered) s
    order by 1
  );
  starts := '{}';
  for i in 1..p_count loop
    n := cardinality(used);
    t := greatest(now_ms, budget.not_before);
    if n >= p_limit then t := greatest(t, used[n - p_limit + 1] + p_window); end if;
    if p_background then t := greatest(t, budget.last_background + ceil(p_window::numeric / p_limit)); end if;
    -- Each start has a name of its own.
    while t = any(budget.unanswered) loop t := t + 1; end loop;
    if t - now_ms > p_ahead then
      -- As soon as it can be granted. One that waits for an answer may have it any moment; it is not asked for
      -- without pause.
      retry_at := t - p_ahead;
      if cardinality(budget.unanswered) > 0 then
        retry_at := greatest(least(retry_at, now_ms + 50), now_ms + 25);
      end if;
      exit;
    end if;
    starts := starts || t;
    used := array(select s from unnest(used || t) s order by s);
    if p_until_answered then budget.unanswered := budget.unanswered || t;
    else budget.slots := budget.slots || t;
    end if;
    if p_background then budget.last_background := t; end if;
  end loop;
  update call_budgets
  set slots = budget.slots, unanswered = budget.unanswered, last_background = budget.last_background
  where portal_id = p_portal and lane = p_lane;
end;
$$;

-- HubSpot answered the call that was to start at p_start.
create function answer_call(p_portal bigint, p_lane text, p_start bigint) returns void language sql as $$
  update call_budgets
  set unanswered = array_remove(unanswered, p_start),
    slots = slots || floor(extract(epoch from clock_timestamp()) * 1000)::bigint
  where portal_id = p_portal and lane = p_lane and p_start = any(unanswered);
$$;
