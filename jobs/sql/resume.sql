-- resume: the pause of this type ('*': the one of all) is over; every worker is told to look from the beginning.
with ended as (
    delete from ai_pauses where job_type = :job_type
    returning job_type, resume_at is null or resume_at > clock_timestamp() as held
)
select job_type, held, pg_notify('ai_jobs', '{"anew": true}') from ended
