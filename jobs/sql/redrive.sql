-- redrive: failed -> queued
-- For operators, over all users: as requeue, for many. The oldest failures go first, and each user's jobs get turns one
-- behind the other, as a batch of newcomers would: else a user with a thousand of them would keep all others waiting.
with due as materialized (
    select id, user_id, rank, turn, seq, error_code
      from ai_jobs
     where status = 'failed'
       and completed_at >= coalesce(cast(:since as timestamptz), '-infinity')
       and (cast(:job_type as text) is null or job_type = :job_type)
       and (cast(:error_code as text) is null or error_code = :error_code)
     order by completed_at
     limit :limit
       for no key update skip locked
), lines as materialized (
    select l.user_id, l.rank, coalesce(clock.turn, 0) as turn
      from (select distinct user_id, rank from due) l left join ai_queue_clock clock on clock.rank = l.rank
), ends as materialized (
    select l.user_id, l.rank,
           greatest(l.turn,
                    1 + (select own.turn
                           from ai_jobs own
                          where own.user_id = l.user_id and own.rank = l.rank
                            and own.status = 'queued' and own.next_processing_at is null
                            and own.turn >= l.turn
                          order by own.turn desc, own.seq desc
                          limit 1)) as turn
      from lines l
), placed as materialized (
    select due.id, due.error_code,
           ends.turn - 1 + row_number() over (partition by due.user_id, due.rank order by due.turn, due.seq) as turn
      from due join ends on ends.user_id = due.user_id and ends.rank = due.rank
)
update ai_jobs j
   set status              = 'queued',
       claim_seq           = j.claim_seq + 1,
       turn                = placed.turn,
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
       version             = j.version + 1
  from placed
 where j.id = placed.id and j.status = 'failed'
returning j.id, j.user_id, j.rank, j.turn, j.seq, placed.error_code
