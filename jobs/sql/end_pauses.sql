-- end_pauses: takes away the pauses whose time is over, and tells every worker to look from the beginning.
-- Claims have not minded them since that time; this is for workers that sleep.
with ended as (
    delete from ai_pauses where resume_at <= clock_timestamp() returning job_type
)
select job_type, pg_notify('ai_jobs', '{"anew": true}') from ended
