-- The pauses in force, that of everything first.
select job_type, paused_at, resume_at, paused_by, reason
  from ai_pauses
 where resume_at is null or resume_at > clock_timestamp()
 order by job_type <> '*', job_type
