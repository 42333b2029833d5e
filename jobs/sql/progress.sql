-- progress: show how far runs are, and keep what they have drawn.
-- Only a run that still holds its job may; a row that is locked at this moment is missing from the answer, and its
-- report is sent again.  What was sent already, but not heard to be taken, is not kept twice.
with given as materialized (
    select *
      from jsonb_to_recordset(cast(:reports as jsonb)) as r(id uuid, claim_seq bigint, percent smallint, message text,
                                                            n integer, anew boolean, objects jsonb)
), held as materialized (
    select j.id
      from ai_jobs j join given g on g.id = j.id and g.claim_seq = j.claim_seq
     where j.status = 'processing'
     order by j.id
       for no key update of j skip locked
), drawn as (
    insert into ai_job_parts (job_id, claim_seq, n, anew, objects)
    select g.id, g.claim_seq, g.n, g.anew, g.objects
      from given g join held on held.id = g.id
     where g.objects is not null
        on conflict (job_id, claim_seq, n) do nothing
)
update ai_jobs j
   set progress         = g.percent,
       progress_message = g.message,
       version          = j.version + 1
  from held join given g on g.id = held.id
 where j.id = held.id and j.claim_seq = g.claim_seq and j.status = 'processing'
returning j.id
