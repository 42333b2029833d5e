-- reschedule: queued -> queued
-- From waiting to ready: a retry's backoff or a delayed job's time has come.
with due as materialized (
    select id
      from ai_jobs
     where status = 'queued' and next_processing_at <= clock_timestamp()
     order by next_processing_at
     limit :batch
       for no key update skip locked
)
update ai_jobs j
   set status             = 'queued',
       next_processing_at = null,
       version            = j.version + 1
  from due
 where j.id = due.id and j.status = 'queued' and j.next_processing_at is not null
returning j.id, j.rank, j.turn, j.seq
