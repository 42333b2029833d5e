-- One job with its runs, for operators: whoever's it is.
select * from ai_jobs where id = :id
