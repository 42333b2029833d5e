-- enqueue: -> queued
-- The turn: one behind the user's own last ready job, and never before what the rank has already reached.
-- Own jobs below that point cannot matter, so they are not read (they are the index's dead entries).
with clock as materialized (
    select coalesce((select turn from ai_queue_clock where rank = -cast(:priority as smallint)), 0) as turn
)
insert into ai_jobs (user_id, job_type, canvas_id, priority, turn, request_data, max_retries,
                     deadline_at, next_processing_at, ready_at, idempotency_key, request_hash)
select :user_id, :job_type, :canvas_id, :priority,
       greatest(clock.turn,
                1 + (select own.turn
                       from ai_jobs own
                      where own.user_id = :user_id and own.rank = -cast(:priority as smallint)
                        and own.status = 'queued' and own.next_processing_at is null
                        and own.turn >= clock.turn
                      order by own.turn desc, own.seq desc
                      limit 1)),
       cast(:request_data as jsonb), :max_retries,
       clock_timestamp() + make_interval(secs => cast(:deadline_s as double precision)),
       clock_timestamp() + make_interval(secs => cast(:delay_s as double precision)),
       clock_timestamp() + make_interval(secs => coalesce(cast(:delay_s as double precision), 0)),
       :idempotency_key, :request_hash
  from clock
    on conflict (user_id, idempotency_key) where idempotency_key is not null do nothing
returning id, rank, turn, seq
