-- How many of a user's jobs stand where: live ones are counted, from indexes alone; ended ones have been.
select status, sum(jobs)::bigint as n
  from (select 'queued' as status, count(*) as jobs
          from ai_jobs
         where user_id = :user_id and status = 'queued' and next_processing_at is null
         union all
        select 'queued', count(*)
          from ai_jobs
         where user_id = :user_id and status = 'queued' and next_processing_at is not null
         union all
        select 'processing', count(*) from ai_jobs where user_id = :user_id and status = 'processing'
         union all
        select status, jobs from ai_user_totals where user_id = :user_id
         union all
        select status, jobs from ai_job_deltas where user_id = :user_id) counted
 group by status
