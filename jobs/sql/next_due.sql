-- Seconds until the next waiting job is due; below 0 when it is late, null when none waits.
select extract(epoch from next_processing_at - clock_timestamp())
  from ai_jobs
 where status = 'queued' and next_processing_at is not null
 order by next_processing_at
 limit 1
