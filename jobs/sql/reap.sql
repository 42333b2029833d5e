-- reap: processing -> queued | failed | cancelled
-- Its worker has not been heard of for a whole lease. A loss spends a retry, or a job that kills its worker
-- would run for ever; the third loss is the last whatever the retries say.
-- A reap that was decided on before the server froze must not happen after it (not_after): all leases are over then.
with lost as materialized ( -- as the lock finds them: a second look would miss a cancel of this very moment
    select id, cancel_requested_at, losses, retry_count, max_retries
      from ai_jobs
     where status = 'processing' and lease_expires_at < clock_timestamp()
       and (cast(:not_after as timestamptz) is null or clock_timestamp() < cast(:not_after as timestamptz))
     order by id
     limit :batch
       for no key update skip locked
), judged as materialized (
    select id,
           case when cancel_requested_at is not null then 'cancelled'
                when losses + 1 >= 3 or retry_count + 1 >= max_retries then 'failed'
                else 'queued' end as status
      from lost
), drawn as (
    delete from ai_job_parts where job_id = any(array(select id from lost))
)
update ai_jobs j
   set status           = v.status,
       losses           = j.losses + 1,
       retry_count      = j.retry_count + 1,
       error_code       = case when v.status = 'cancelled' then 'cancelled' else 'worker_lost' end,
       error_message    = case when v.status = 'cancelled' then case when j.error_code = 'cancelled' then j.error_message else 'Cancelled by its user' end
                               else 'The worker that ran this job was lost' end,
       attempt_errors   = (case when jsonb_array_length(j.attempt_errors) >= 20
                                then j.attempt_errors - 0 else j.attempt_errors end)
                          || jsonb_build_object('claim_seq', j.claim_seq, 'worker', j.worker_id,
                                                'started', j.started_at, 'ended', clock_timestamp(),
                                                'error_code', 'worker_lost',
                                                'error', 'The worker that ran this job was lost'),
       completed_at     = case when v.status <> 'queued' then clock_timestamp() end,
       lease_expires_at = null,
       ready_at         = clock_timestamp(),
       progress         = 0,
       progress_message = null,
       version          = j.version + 1
  from judged v
 where j.id = v.id and j.status = 'processing' and j.lease_expires_at < clock_timestamp()
returning j.id, j.user_id, j.claim_seq, j.status, j.rank, j.turn, j.seq
