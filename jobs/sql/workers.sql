-- Who is there, the newest sign of life first.
select id as worker_id, host, pid, version, job_types, seats, busy, started_at, seen_at,
       seen_at < clock_timestamp() - make_interval(secs => :silent_s) as silent
  from ai_workers
 order by seen_at desc, id
 limit :most
