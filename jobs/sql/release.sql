-- release: processing -> queued | cancelled
-- A stopping worker hands its runs back: ready at once, no retry spent. claim_seq stays, so that a result
-- which arrives after all is still taken, as long as nobody else has claimed the job.
with given as materialized (
    select * from jsonb_to_recordset(cast(:runs as jsonb)) as r(id uuid, claim_seq bigint)
), held as materialized (
    select j.id
      from ai_jobs j join given g on g.id = j.id and g.claim_seq = j.claim_seq
     where j.status = 'processing'
     order by j.id
       for no key update of j
), drawn as (
    delete from ai_job_parts where job_id = any(array(select id from held))
)
update ai_jobs j
   set status           = case when j.cancel_requested_at is null then 'queued' else 'cancelled' end,
       completed_at     = case when j.cancel_requested_at is not null then clock_timestamp() end,
       error_code       = case when j.cancel_requested_at is not null then 'cancelled' else j.error_code end,
       error_message    = case when j.cancel_requested_at is null or j.error_code = 'cancelled' then j.error_message else 'Cancelled by its user' end,
       lease_expires_at = null,
       ready_at         = clock_timestamp(),
       progress         = 0,
       progress_message = null,
       version          = j.version + 1
  from held join given g on g.id = held.id
 where j.id = held.id and j.claim_seq = g.claim_seq and j.status = 'processing'
returning j.id, j.claim_seq, j.status, j.rank, j.turn, j.seq
