-- How many of a user's jobs stand where.
select status, count(*) as n from ai_jobs where user_id = :user_id group by status
