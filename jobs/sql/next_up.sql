-- The very next job of the queue, and whether somebody could take it.  What no claim takes (see claim.sql) is not next.
-- Of a thousand jobs that are paused nobody looks behind the last: this is asked for often.
with paused as materialized (
    select coalesce(array_agg(job_type), '{}') as types
      from ai_pauses
     where resume_at is null or resume_at > clock_timestamp()
), head as materialized (
    select id, claim_seq, job_type, user_id, ready_at
      from (select *
              from ai_jobs
             where status = 'queued' and next_processing_at is null
               and (deadline_at is null or deadline_at > clock_timestamp())
             order by rank, turn, seq
             limit 1000) seen
     where job_type <> all(cast((select types from paused) as text[]))
       and '*' <> all(cast((select types from paused) as text[]))
     limit 1
), able as (
    select w.seats, w.busy
      from ai_workers w, head
     where w.seen_at > clock_timestamp() - make_interval(secs => :silent_s) and head.job_type = any(w.job_types)
)
select head.id, head.claim_seq,
       extract(epoch from clock_timestamp() - head.ready_at) as ready_s,
       (select count(*) from able) as workers,
       (select coalesce(sum(greatest(seats - busy, 0)), 0) from able) as free_seats,
       (select count(*) from ai_jobs where status = 'processing') as running,
       (select count(*) from ai_jobs j where j.status = 'processing' and j.user_id = head.user_id) as of_user
  from head
