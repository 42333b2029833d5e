-- What was drawn of jobs that do not run any more: whoever ends a run drops it, but may die in between, and a deletion
-- by hand does not.
delete from ai_job_parts p
 where not exists (select from ai_jobs j where j.id = p.job_id and j.status = 'processing')
