-- The fleet in numbers: the jobs as they were counted last (tally_live.sql, tally_ended.sql), the processes as they are.
-- late_s: since when the next count is overdue. paused: the pauses that hold now, '*' for that of everything.
select d.depth,
       extract(epoch from clock_timestamp() - d.counted_at) as counted_age_s,
       extract(epoch from clock_timestamp() - d.due_at) as late_s,
       clock_timestamp() as now,
       (select jsonb_agg(t) from ai_fleet_totals t where t.jobs > 0) as finals,
       (select count(*) from ai_workers where seen_at > clock_timestamp() - make_interval(secs => :silent_s)) as workers,
       (select coalesce(max(term), 0) from ai_leader) as term,
       exists (select from ai_leader where expires_at > clock_timestamp()) as led,
       (select array_agg(job_type) from ai_pauses where resume_at is null or resume_at > clock_timestamp()) as paused
  from (select) as one_row left join ai_fleet_depth d on true
