-- The fleet in numbers, from the partial indexes of live jobs alone.
select (select count(*) from ai_jobs where status = 'queued' and next_processing_at is null) as ready,
       (select count(*) from ai_jobs where status = 'queued' and next_processing_at is not null) as waiting,
       (select count(*) from ai_jobs where status = 'processing') as processing,
       (select extract(epoch from clock_timestamp() - min(head.ready_at))
          from generate_series(-9, 9) as r(rank)
         cross join lateral (select j.ready_at
                               from ai_jobs j
                              where j.status = 'queued' and j.next_processing_at is null and j.rank = r.rank
                              order by j.turn, j.seq
                              limit 1) head) as oldest_ready_s,
       (select count(*) from ai_workers where seen_at > clock_timestamp() - make_interval(secs => :silent_s)) as workers
