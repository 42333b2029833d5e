-- enqueue_many: -> queued
-- A batch in one statement, each job with the turn that enqueue would have given it had they come one by one: behind
-- its user's ready jobs of the rank, those in the table and those before it in the batch. A job whose key is taken is
-- not made, and its turn stays free. What a key makes is inserted in the order of the keys: two batches that share
-- keys would else wait for one another.
with asked as materialized (
    select b.*, ai_job_id() as id, b.delay_s is not null as waits
      from rows from (jsonb_to_recordset(cast(:jobs as jsonb))
                      as (user_id text, job_type text, canvas_id text, priority smallint, request_data jsonb,
                          max_retries integer, delay_s double precision, deadline_s double precision,
                          idempotency_key text, request_hash text)) with ordinality
           as b(user_id, job_type, canvas_id, priority, request_data, max_retries, delay_s, deadline_s,
                idempotency_key, request_hash, position)
), lines as materialized (
    select l.user_id, l.priority, coalesce(clock.turn, 0) as turn
      from (select distinct user_id, priority from asked) l
      left join ai_queue_clock clock on clock.rank = -l.priority
), ends as materialized (
    select l.user_id, l.priority,
           greatest(l.turn,
                    1 + (select own.turn
                           from ai_jobs own
                          where own.user_id = l.user_id and own.rank = -l.priority
                            and own.status = 'queued' and own.next_processing_at is null
                            and own.turn >= l.turn
                          order by own.turn desc, own.seq desc
                          limit 1)) as turn
      from lines l
), placed as materialized (
    select a.*, e.turn + count(*) filter (where not a.waits) over before as turn
      from asked a left join ends e on e.user_id = a.user_id and e.priority = a.priority
    window before as (partition by a.user_id, a.priority order by a.position
                      rows between unbounded preceding and 1 preceding)
), made as (
    insert into ai_jobs (id, user_id, job_type, canvas_id, priority, turn, request_data, max_retries,
                         deadline_at, next_processing_at, ready_at, idempotency_key, request_hash)
    select id, user_id, job_type, canvas_id, priority, turn, request_data, max_retries,
           clock_timestamp() + make_interval(secs => deadline_s),
           clock_timestamp() + make_interval(secs => delay_s),
           clock_timestamp() + make_interval(secs => coalesce(delay_s, 0)),
           idempotency_key, request_hash
      from placed
     order by idempotency_key, case when idempotency_key is not null then user_id end, position
        on conflict (user_id, idempotency_key) where idempotency_key is not null do nothing
    returning id, rank, turn, seq
)
select a.position, m.id, m.rank, m.turn, m.seq
  from asked a join made m on m.id = a.id
 order by a.position
