-- Ready jobs of types that no live worker has a handler for, counted up to a bound.
with alive as (
    select job_types from ai_workers where seen_at >= clock_timestamp() - make_interval(secs => :silent_s)
), waiting_in_vain as (
    select job_type
      from ai_jobs j
     where j.status = 'queued' and j.next_processing_at is null
       and not exists (select from alive where j.job_type = any(alive.job_types))
     limit :most
)
select job_type, count(*) as jobs from waiting_in_vain group by job_type order by jobs desc, job_type
