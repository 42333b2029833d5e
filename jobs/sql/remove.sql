-- remove: completed | failed | cancelled ->
-- Its user wants nothing of it kept.
delete from ai_jobs
 where id = :id and user_id = :user_id
   and status in ('completed', 'failed', 'cancelled')
returning id
