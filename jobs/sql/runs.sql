-- The failed runs of one job, for its user: the last 20, oldest first.
select attempt_errors from ai_jobs where id = :id and user_id = :user_id
