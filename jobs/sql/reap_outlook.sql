-- What the reaper must know before it reaps: when the next lease ends, and whether this is still the same server.
select extract(epoch from min(lease_expires_at) - clock_timestamp()) as next_s,
       extract(epoch from pg_postmaster_start_time()) as server_started,
       clock_timestamp() as now
  from ai_jobs
 where status = 'processing'
