-- The fleet in numbers: lists of [job_type, state, jobs] and [job_type, seconds], who is there, and who leads.
with depth as (
    select job_type, 'ready' as state, count(*) as n, extract(epoch from clock_timestamp() - min(ready_at)) as oldest_s
      from ai_jobs
     where status = 'queued' and next_processing_at is null
     group by job_type
     union all
    select job_type, 'waiting', count(*), null
      from ai_jobs
     where status = 'queued' and next_processing_at is not null
     group by job_type
     union all
    select job_type, 'processing', count(*), null
      from ai_jobs
     where status = 'processing'
     group by job_type
), finals as (
    select job_type, status, count(*) as n
      from ai_jobs
     where completed_at is not null
     group by job_type, status
)
select (select coalesce(jsonb_agg(jsonb_build_array(job_type, state, n)), '[]') from depth) as depth,
       (select coalesce(jsonb_agg(jsonb_build_array(job_type, oldest_s)), '[]')
          from depth
         where oldest_s is not null) as oldest_ready_s,
       (select coalesce(jsonb_agg(jsonb_build_array(job_type, status, n)), '[]') from finals) as finals,
       (select count(*) from ai_workers where seen_at > clock_timestamp() - make_interval(secs => :silent_s)) as workers,
       (select coalesce(max(term), 0) from ai_leader) as term,
       exists (select from ai_leader where expires_at > clock_timestamp()) as led
