-- The fleet in numbers, as they were counted last (tally_live.sql, tally_ended.sql).
-- late_s: since when the next count is overdue.
select d.depth,
       extract(epoch from clock_timestamp() - d.counted_at) as counted_age_s,
       extract(epoch from clock_timestamp() - d.due_at) as late_s,
       clock_timestamp() as now,
       (select jsonb_agg(t) from ai_fleet_totals t where t.jobs > 0) as ended,
       (select count(*) from ai_workers where seen_at > clock_timestamp() - make_interval(secs => :silent_s)) as workers
  from (select) as one_row left join ai_fleet_depth d on true
