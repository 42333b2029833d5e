-- What users are shown of the jobs that they have live, at most so many of each user's that wait for their turn;
-- of a drawing what comes after the part that was read last, as in changed.sql.
select j.id, j.user_id, j.status, j.progress, j.progress_message, j.error_code, j.error_message, j.version, j.claim_seq,
       null as result, 0 as after, null as parts
  from unnest(cast(:users as text[])) as u(id)
 cross join lateral (
       (select *
          from ai_jobs r
         where r.user_id = u.id and r.status = 'queued' and r.next_processing_at is null
         order by r.rank, r.turn, r.seq
         limit :most)
        union all
       (select *
          from ai_jobs w
         where w.user_id = u.id and w.status = 'queued' and w.next_processing_at is not null
         limit :most)) j
 union all
select j.id, j.user_id, j.status, j.progress, j.progress_message, j.error_code, j.error_message, j.version, j.claim_seq,
       null, r.after,
       (select jsonb_agg(jsonb_build_array(p.n, p.anew, p.objects) order by p.n)
          from ai_job_parts p
         where p.job_id = j.id and p.claim_seq = j.claim_seq and p.n > r.after)
  from ai_jobs j
  left join unnest(cast(:ids as uuid[]), cast(:claim_seqs as bigint[]), cast(:ns as integer[])) as a(id, claim_seq, n)
    on a.id = j.id
 cross join lateral (select case when a.claim_seq = j.claim_seq then a.n else 0 end) as r(after)
 where j.status = 'processing' and j.user_id = any(cast(:users as text[]))
