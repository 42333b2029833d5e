-- How jobs went lately: those that have ended within the window, the newest of them if there are too many.
-- reach_s: how far back the look went. Wait and run are those of each job's last run.
-- statement_timestamp() stands still, so that the index bounds the look; clock_timestamp() would not.
select count(*) as ended,
       count(*) filter (where status = 'failed') as failed,
       coalesce(extract(epoch from statement_timestamp() - min(completed_at)), 0) as reach_s,
       percentile_cont(array[0.5, 0.95]) within group (order by wait_s) filter (where status = 'completed') as wait_s,
       percentile_cont(array[0.5, 0.95]) within group (order by run_s) filter (where status = 'completed') as run_s
  from (select status, completed_at,
               greatest(0, extract(epoch from started_at - ready_at)) as wait_s,
               greatest(0, extract(epoch from completed_at - started_at)) as run_s
          from ai_jobs
         where completed_at > statement_timestamp() - make_interval(secs => :window_s)
         order by completed_at desc
         limit :most) as newest
