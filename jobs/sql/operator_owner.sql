-- Whose job it is, for operators.
select user_id from ai_jobs where id = :id
