-- Count the live jobs of the whole fleet, by type and state; returns the seconds until the next count, which are so many
-- that all of this takes at most a fiftieth of the time.
with live as (
    select job_type, 'ready' as state, ready_at
      from ai_jobs where status = 'queued' and next_processing_at is null
     union all
    select job_type, 'waiting', null from ai_jobs where status = 'queued' and next_processing_at is not null
     union all
    select job_type, 'processing', null from ai_jobs where status = 'processing'
), counted as (
    select job_type, state, count(*) as jobs, min(ready_at) as oldest_ready_at from live group by 1, 2
)
insert into ai_fleet_depth (depth, counted_at, due_at)
select coalesce(jsonb_agg(to_jsonb(counted)), '[]'), statement_timestamp(),
       clock_timestamp() + greatest(make_interval(secs => :every_s), 50 * (clock_timestamp() - statement_timestamp()))
  from counted
    on conflict (only_row) do update
   set depth = excluded.depth, counted_at = excluded.counted_at, due_at = excluded.due_at
returning extract(epoch from due_at - clock_timestamp())
