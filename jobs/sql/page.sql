-- A page of a user's jobs, the newest first; the cursor is the seq of the last one seen.
-- Without the results, which may have a megabyte each.
select id, seq, user_id, canvas_id, job_type, status, priority, turn, request_data, null as result_data, error_code,
       error_message, retry_count, max_retries, progress, progress_message, version, usage, cancel_requested_at,
       created_at, started_at, completed_at, next_processing_at, deadline_at
  from ai_jobs
 where user_id = :user_id
   and seq < coalesce(cast(:cursor as bigint), 9223372036854775807)
   and (cast(:status as text) is null or status = :status)
 order by seq desc
 limit :limit offset :offset
