-- What a user's running job has drawn so far, part by part.
select p.anew, p.objects
  from ai_jobs j join ai_job_parts p on p.job_id = j.id and p.claim_seq = j.claim_seq
 where j.id = :id and j.user_id = :user_id and j.status = 'processing'
 order by p.n
