-- claim_capped: queued -> processing
-- The claim when one user may run only so many jobs at a time. The lock comes first and as a statement of its own, as
-- in claim.sql, and always: who counts a user's runs must see every claim before it.
-- A user's backlog can be long, and none of it may run while its user is at the cap. So the look walks at most a
-- window of entries in each rank, and says where it ended (reached) for the next look to go on behind it; and for each
-- user it tells the first job that it saw and did not take (left_over), so that the worker can come back to it
-- (scheduler/capped_bounds.py) once a run of that user has ended: such users come in as freed.
-- One row comes back even when nothing is claimed. Pauses are read as in claim.sql.
select pg_advisory_xact_lock(:cap_lock);
with allowed as materialized (
    select array(select known.job_type
                   from unnest(cast(:job_types as text[])) known(job_type)
                  where not exists (select
                                      from ai_pauses p
                                     where p.job_type in (known.job_type, '*')
                                       and (p.resume_at is null or p.resume_at > clock_timestamp()))) as job_types
), busy as materialized (
    select user_id, count(*)::int as n, min(started_at) as oldest
      from ai_jobs
     where status = 'processing' and started_at >= cast(:oldest_start as timestamptz)
     group by user_id
), fleet as materialized (
    select coalesce(sum(n), 0)::int as n, coalesce(min(oldest), clock_timestamp()) as oldest from busy
), room as materialized (
    select case when (select job_types = '{}' from allowed) then 0
                else greatest(0, least(cast(:seats as int), cast(:fleet_cap as int) - n)) end as n
      from fleet
), walked as materialized (
    select ahead.*
      from unnest(cast(:ranks as smallint[]), cast(:turns as bigint[]), cast(:seqs as bigint[])) as low(rank, turn, seq)
     cross join lateral (
            select j.id, j.user_id, j.rank, j.turn, j.seq, j.job_type, j.deadline_at
              from ai_jobs j
             where j.status = 'queued' and j.next_processing_at is null
               and j.rank = low.rank and (j.turn, j.seq) >= (low.turn, low.seq)
             order by j.turn, j.seq
             limit (select case when n > 0 then cast(:walk as int) else 0 end from room)
           ) ahead
), come_back as materialized ( -- one more than may run, so that what stays behind is told
    select own.*
      from unnest(cast(:freed as text[]), cast(:freed_ranks as smallint[]), cast(:freed_turns as bigint[]),
                  cast(:freed_seqs as bigint[])) as low(user_id, rank, turn, seq)
     cross join lateral (
            select j.id, j.user_id, j.rank, j.turn, j.seq, j.job_type, j.deadline_at
              from ai_jobs j
             where j.status = 'queued' and j.next_processing_at is null
               and j.user_id = low.user_id and (j.rank, j.turn, j.seq) >= (low.rank, low.turn, low.seq)
             order by j.rank, j.turn, j.seq
             limit :user_cap + 1
           ) own
), seen as materialized (
    select either.id, either.user_id, either.rank, either.turn, either.seq,
           coalesce(busy.n, 0)
             + row_number() over (partition by either.user_id order by either.rank, either.turn, either.seq) as nth
      from (select * from walked union select * from come_back) either left join busy on busy.user_id = either.user_id
     where either.job_type = any(cast((select job_types from allowed) as text[]))
       and (either.deadline_at is null or either.deadline_at > clock_timestamp())
), due as materialized (
    select j.id
      from seen join ai_jobs j on j.id = seen.id
     where seen.nth <= :user_cap
       and j.status = 'queued' and j.next_processing_at is null
     order by seen.rank, seen.turn, seen.seq
     limit (select n from room)
       for no key update of j skip locked
), claimed as (
    update ai_jobs j
       set status             = 'processing',
           claim_seq          = j.claim_seq + 1,
           worker_id          = :worker_id,
           started_at         = clock_timestamp(),
           lease_expires_at   = clock_timestamp() + make_interval(secs => :lease_s),
           progress           = 0,
           progress_message   = null,
           version            = j.version + 1
      from due
     where j.id = due.id and j.status = 'queued' -- and no more: else, without statistics, it walks the index of ready jobs
    returning j.id, j.claim_seq, j.user_id, j.job_type, j.request_data, j.retry_count, j.max_retries,
              j.rank, j.turn, j.seq, extract(epoch from j.started_at - j.ready_at) as wait_s
), left_over as (
    select distinct on (user_id) user_id, rank, turn, seq, nth > :user_cap as capped
      from seen
     where id not in (select id from claimed)
     order by user_id, rank, turn, seq
), reached as (
    select rank, (array_agg(turn order by turn desc, seq desc))[1] as turn,
           (array_agg(seq order by turn desc, seq desc))[1] as seq
      from walked
     group by rank
    having count(*) = cast(:walk as int)
)
select fleet.n as running, fleet.oldest, room.n as room,
       (select jsonb_agg(jsonb_build_array(user_id, rank, turn, seq, capped)) from left_over) as left_over,
       (select jsonb_agg(jsonb_build_array(rank, turn, seq)) from reached) as reached,
       claimed.*
  from fleet cross join room left join claimed on true
 order by claimed.rank, claimed.turn, claimed.seq
