-- One job, for its user.
select * from ai_jobs where id = :id and user_id = :user_id
