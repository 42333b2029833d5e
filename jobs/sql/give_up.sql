-- give_up: processing -> queued | failed | cancelled
-- One decision for every run that brought no result. In this order: its user asked for a cancel; no other run
-- can help; the retries are spent; the deadline is over; the provider has been waited for too long; else it
-- goes back to the queue, ready at once or waiting. A wait for the provider (counted = false) spends no retry.
-- A row that somebody has locked is stepped over, and asked for again.
with outcome as materialized (
    select *
      from jsonb_to_recordset(cast(:outcomes as jsonb)) as o(id uuid, claim_seq bigint, retryable boolean, counted boolean,
                                                             delay_s double precision, error_code text, error text)
), held as materialized ( -- as the lock finds them: a second look would miss a cancel that this one had to wait for
    select j.id, j.retry_count, j.max_retries, j.cancel_requested_at, j.deadline_at, j.provider_wait_since
      from ai_jobs j join outcome o on o.id = j.id and o.claim_seq = j.claim_seq
     where j.status = 'processing'
       for no key update of j skip locked
), judged as materialized ( -- a run that ended because its worker stopped has not waited for the provider
    select o.*, h.retry_count + o.counted::int as failures,
           case when o.counted then null
                when o.error_code = 'worker_stopped' then h.provider_wait_since
                else coalesce(h.provider_wait_since, clock_timestamp()) end as wait_since,
           case when h.cancel_requested_at is not null then 'cancelled'
                when not o.retryable then 'failed'
                when o.counted and h.retry_count + 1 >= h.max_retries then 'failed'
                when h.deadline_at <= clock_timestamp() + make_interval(secs => o.delay_s) then 'failed'
                when not o.counted and o.error_code <> 'worker_stopped'
                     and clock_timestamp() + make_interval(secs => o.delay_s)
                         > coalesce(h.provider_wait_since, clock_timestamp()) + make_interval(secs => :max_wait_s)
                     then 'failed'
                else 'queued' end as status
      from held h join outcome o on o.id = h.id
)
update ai_jobs j
   set status              = v.status,
       retry_count         = v.failures,
       error_code          = case when v.status = 'cancelled' then 'cancelled' else v.error_code end,
       error_message       = case when v.status <> 'cancelled' then v.error when j.error_code = 'cancelled' then j.error_message else 'Cancelled by its user' end,
       attempt_errors      = (case when jsonb_array_length(j.attempt_errors) >= 20
                                   then j.attempt_errors - 0 else j.attempt_errors end)
                             || jsonb_build_object('claim_seq', j.claim_seq, 'worker', j.worker_id,
                                                   'started', j.started_at, 'ended', clock_timestamp(),
                                                   'error_code', v.error_code, 'error', v.error),
       completed_at        = case when v.status <> 'queued' then clock_timestamp() end,
       next_processing_at  = case when v.status = 'queued' and v.delay_s > 0
                                  then clock_timestamp() + make_interval(secs => v.delay_s) end,
       ready_at            = clock_timestamp() + make_interval(secs => v.delay_s),
       provider_wait_since = v.wait_since,
       lease_expires_at    = null,
       progress            = 0,
       progress_message    = null,
       version             = j.version + 1
  from judged v
 where j.id = v.id and j.claim_seq = v.claim_seq and j.status = 'processing'
returning j.id, j.claim_seq, j.status, j.error_code, j.rank, j.turn, j.seq,
          extract(epoch from j.next_processing_at - clock_timestamp()) as due_s
