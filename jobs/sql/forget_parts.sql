-- What was drawn of jobs that do not run any more: their endings drop it, but not a deletion by hand.
delete from ai_job_parts p
 where not exists (select from ai_jobs j where j.id = p.job_id and j.status = 'processing')
