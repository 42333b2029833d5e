-- How many ready jobs are before this one: counted to 1,000, null for a job that is not ready.
select case when me.status = 'queued' and me.next_processing_at is null then
       (select count(*)
          from (select 1
                  from ai_jobs j
                 where j.status = 'queued' and j.next_processing_at is null
                   and (j.rank, j.turn, j.seq) < (me.rank, me.turn, me.seq)
                 limit 1001) before) end
  from ai_jobs me
 where me.id = :id and me.user_id = :user_id
