-- What these runs have drawn: they have ended.
delete from ai_job_parts p
 using unnest(cast(:ids as uuid[]), cast(:claim_seqs as bigint[])) as r(id, claim_seq)
 where p.job_id = r.id and p.claim_seq = r.claim_seq
