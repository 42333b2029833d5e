-- Jobs of all users for operators, the newest first (ids begin with the time); without the results, as page.sql.
select id, seq, user_id, canvas_id, job_type, status, priority, turn, request_data, null as result_data, error_code,
       error_message, retry_count, max_retries, progress, progress_message, version, usage, cancel_requested_at,
       created_at, started_at, completed_at, next_processing_at, deadline_at
  from ai_jobs
 where id < coalesce(cast(:before as uuid), 'ffffffff-ffff-ffff-ffff-ffffffffffff')
   and (cast(:user_id as text) is null or user_id = :user_id)
   and (cast(:status as text) is null or status = :status)
   and (cast(:job_type as text) is null or job_type = :job_type)
 order by id desc
 limit :limit
