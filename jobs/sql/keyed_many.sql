-- The jobs that these users' Idempotency-Keys have made, and the hashes of what they asked for.
select asked.user_id, asked.idempotency_key, j.id, j.rank, j.turn, j.seq, j.request_hash
  from jsonb_to_recordset(cast(:keys as jsonb)) as asked(user_id text, idempotency_key text)
  join ai_jobs j on j.user_id = asked.user_id and j.idempotency_key = asked.idempotency_key
