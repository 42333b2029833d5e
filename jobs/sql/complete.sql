-- complete: processing | queued -> completed
-- Queued with the same claim_seq: the run was reaped or released and nobody has claimed the job since,
-- so its result, which is paid for, is kept. A row that somebody has locked is stepped over, and asked for again:
-- it must not hold up what else has ended.
with outcome as materialized (
    select *
      from jsonb_to_recordset(cast(:outcomes as jsonb)) as o(id uuid, claim_seq bigint, result jsonb, usage jsonb)
), held as materialized (
    select j.id
      from ai_jobs j join outcome o on o.id = j.id and o.claim_seq = j.claim_seq
     where j.status in ('processing', 'queued')
       for no key update of j skip locked
)
update ai_jobs j
   set status              = 'completed',
       result_data         = o.result,
       usage               = o.usage,
       progress            = 100,
       progress_message    = null,
       error_code          = null,
       error_message       = null,
       completed_at        = clock_timestamp(),
       lease_expires_at    = null,
       next_processing_at  = null,
       provider_wait_since = null,
       version             = j.version + 1
  from held join outcome o on o.id = held.id
 where j.id = held.id and j.claim_seq = o.claim_seq and j.status in ('processing', 'queued')
returning j.id, j.claim_seq, j.status, j.error_code
