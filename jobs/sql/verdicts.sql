-- Where the jobs of unanswered writes stand now: after a broken connection it is this that says what was taken.
select id, claim_seq, status
  from ai_jobs
 where id = any(cast(:ids as uuid[]))
