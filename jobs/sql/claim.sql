-- claim: queued -> processing
-- Two statements in one string: the second takes its snapshot only once the first holds the lock, so that
-- what it counts as running includes every claim before it. In one statement, 8 ran where 3 were allowed.
-- Per rank the look begins at a bound (scheduler/bounds.py): the dead entries before it are not walked.
-- The ranks come in ascending order and each is read lazily, so no more rows are locked than are taken. The inmost limit
-- is there for the planner, who cannot know the room: without it, it thinks of a tenth of the queue, and reads it all.
-- One row comes back even when nothing is claimed; it says how many runs were going, and since when (without a cap
-- nobody counts, and the bound stays where it was: a cap that is configured later must count them all).
-- What is paused is read here and once: no claim that begins after a pause's commit takes a job of that type, whether
-- or not its worker has heard of it. Where everything is paused there is no room, and no entry is walked.
select pg_advisory_xact_lock(:cap_lock) where cast(:fleet_cap as int) is not null;
with allowed as materialized (
    select array(select known.job_type
                   from unnest(cast(:job_types as text[])) known(job_type)
                  where not exists (select
                                      from ai_pauses p
                                     where p.job_type in (known.job_type, '*')
                                       and (p.resume_at is null or p.resume_at > clock_timestamp()))) as job_types
), busy as materialized (
    select count(*) as n,
           coalesce(min(started_at), case when cast(:fleet_cap as int) is null then cast(:oldest_start as timestamptz)
                                          else clock_timestamp() end) as oldest
      from ai_jobs
     where cast(:fleet_cap as int) is not null
       and status = 'processing' and started_at >= cast(:oldest_start as timestamptz)
), room as materialized (
    select case when (select job_types = '{}' from allowed) then 0
                when cast(:fleet_cap as int) is null then cast(:seats as int)
                else greatest(0, least(cast(:seats as int), cast(:fleet_cap as int) - n)) end as n
      from busy
), due as materialized (
    select ready.id
      from unnest(cast(:ranks as smallint[]), cast(:turns as bigint[]), cast(:seqs as bigint[])) as low(rank, turn, seq)
     cross join lateral (
            select next.id
              from (select j.id
                      from ai_jobs j
                     where j.status = 'queued' and j.next_processing_at is null
                       and j.rank = low.rank and (j.turn, j.seq) >= (low.turn, low.seq)
                       and j.job_type = any(cast((select job_types from allowed) as text[]))
                       and (j.deadline_at is null or j.deadline_at > clock_timestamp())
                     order by j.turn, j.seq
                     limit :seats
                       for no key update skip locked) next
             limit (select n from room)
           ) ready
     limit (select n from room)
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
)
select busy.n as running, busy.oldest, room.n as room, claimed.*
  from busy cross join room left join claimed on true
 order by claimed.rank, claimed.turn, claimed.seq
