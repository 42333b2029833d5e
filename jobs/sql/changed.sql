-- What users who follow their jobs are shown of those that have changed: of a drawing what comes after the part that
-- was read last (after: which one that was, 0 for none of this run's).
select j.id, j.user_id, j.status, j.progress, j.progress_message, j.error_code, j.error_message, j.version, j.claim_seq,
       case when j.status = 'completed' then cast(j.result_data as text) end as result, r.after,
       (select jsonb_agg(jsonb_build_array(p.n, p.anew, p.objects) order by p.n)
          from ai_job_parts p
         where j.status = 'processing' and p.job_id = j.id and p.claim_seq = j.claim_seq and p.n > r.after) as parts
  from unnest(cast(:ids as uuid[]), cast(:claim_seqs as bigint[]), cast(:ns as integer[])) as a(id, claim_seq, n)
  join ai_jobs j on j.id = a.id
 cross join lateral (select case when j.status = 'processing' and a.claim_seq = j.claim_seq then a.n else 0 end) as r(after)
 where j.user_id = any(cast(:users as text[]))
