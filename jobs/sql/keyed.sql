-- The job that an Idempotency-Key made, and the hash of what it asked for.
select id, rank, turn, seq, request_hash
  from ai_jobs
 where user_id = :user_id and idempotency_key = :idempotency_key
