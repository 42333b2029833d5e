-- The very next job of the queue, and whether somebody could take it.  What no claim takes (see claim.sql) is not next.
with head as materialized (
    select id, claim_seq, job_type, user_id, ready_at
      from ai_jobs
     where status = 'queued' and next_processing_at is null
       and (deadline_at is null or deadline_at > clock_timestamp())
     order by rank, turn, seq
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
       (select count(*) from ai_jobs j where j.status = 'processing' and j.user_id = head.user_id) as of_user,
       exists (select
                 from ai_pauses p
                where p.job_type in (head.job_type, '*')
                  and (p.resume_at is null or p.resume_at > clock_timestamp())) as paused
  from head
