-- A page of a user's jobs, the newest first; the cursor is the seq of the last one seen.
select *
  from ai_jobs
 where user_id = :user_id
   and seq < coalesce(cast(:cursor as bigint), 9223372036854775807)
   and (cast(:status as text) is null or status = :status)
 order by seq desc
 limit :limit offset :offset
