-- expire: queued -> failed
-- Nobody waits for the answer any more: the job ends without a run, and without a bill.
with late as materialized (
    select id
      from ai_jobs
     where status = 'queued' and deadline_at < clock_timestamp()
     order by deadline_at
     limit :batch
       for no key update skip locked
)
update ai_jobs j
   set status             = 'failed',
       error_code         = 'expired',
       error_message      = 'The deadline passed before the job could be completed',
       completed_at       = clock_timestamp(),
       next_processing_at = null,
       version            = j.version + 1
  from late
 where j.id = late.id and j.status = 'queued' and j.deadline_at < clock_timestamp()
returning j.id, j.user_id
