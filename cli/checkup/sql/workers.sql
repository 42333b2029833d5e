select id, host, pid, seats, job_types,
       seen_at >= clock_timestamp() - make_interval(secs => :silent_s) as alive,
       extract(epoch from clock_timestamp() - seen_at)::float8         as silent_s
  from ai_workers
 order by seen_at
