-- requeue: failed | cancelled -> queued
-- Its user wants it again: the counters begin anew, the fence does not, and the turn is a newcomer's.
update ai_jobs
   set status              = 'queued',
       claim_seq           = claim_seq + 1,
       turn                = greatest(turn, (select clock.turn from ai_queue_clock clock where clock.rank = ai_jobs.rank)),
       retry_count         = 0,
       losses              = 0,
       error_code          = null,
       error_message       = null,
       result_data         = null,
       usage               = null,
       progress            = 0,
       progress_message    = null,
       worker_id           = null,
       started_at          = null,
       completed_at        = null,
       cancel_requested_at = null,
       deadline_at         = null,
       provider_wait_since = null,
       ready_at            = clock_timestamp(),
       version             = version + 1
 where id = :id and user_id = :user_id
   and status in ('failed', 'cancelled')
returning *
