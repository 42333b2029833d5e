-- What redrive would queue again, by the code of its fault, with the three oldest of each.
select error_code, count(*) as n, (array_agg(id order by completed_at, id))[1:3] as sample
  from (select id, error_code, completed_at
          from ai_jobs
         where status = 'failed'
           and completed_at >= coalesce(cast(:since as timestamptz), '-infinity')
           and (cast(:job_type as text) is null or job_type = :job_type)
           and (cast(:error_code as text) is null or error_code = :error_code)
         order by completed_at
         limit :limit) due
 group by error_code
 order by n desc, error_code
