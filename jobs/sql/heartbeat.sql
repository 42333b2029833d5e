-- heartbeat: prolong every lease of this process, show its row in ai_workers and, if it stands, its claim to lead.
-- A run that is missing from the answer is no longer this process's, or its row is locked at this moment: to wait
-- for that row would cost all the other runs their leases, and all processes their beats behind the leader's row.
-- A lapsed term is never continued: whoever takes the row next, its last holder included, begins a new one.
with given as materialized (
    select *
      from jsonb_to_recordset(cast(:runs as jsonb)) as r(id uuid, claim_seq bigint)
), held as materialized (
    select j.id
      from ai_jobs j join given g on g.id = j.id and g.claim_seq = j.claim_seq
     where j.status = 'processing'
     order by j.id
       for no key update of j skip locked
), beat as (
    update ai_jobs j
       set lease_expires_at = clock_timestamp() + make_interval(secs => :lease_s)
      from held join given g on g.id = held.id
     where j.id = held.id and j.claim_seq = g.claim_seq and j.status = 'processing'
    returning j.id, j.cancel_requested_at is not null as cancel
), here as (
    insert into ai_workers (id, host, pid, version, job_types, seats, busy)
    values (:worker_id, :host, :pid, :version, cast(:job_types as text[]), :seats, :busy)
        on conflict (id) do update
       set seats = excluded.seats, busy = excluded.busy, job_types = excluded.job_types, seen_at = clock_timestamp()
), stood as (
    insert into ai_leader as l (name, holder, term, expires_at)
    select 'scheduler', :worker_id, 1, clock_timestamp() + make_interval(secs => :leader_ttl_s)
     where :stands
        on conflict (name) do update
       set holder     = excluded.holder,
           term       = l.term + (l.holder <> excluded.holder or l.expires_at < clock_timestamp())::int,
           expires_at = excluded.expires_at
     where l.holder = excluded.holder or l.expires_at < clock_timestamp()
    returning l.term
)
select (select term from stood) as term,
       coalesce((select jsonb_object_agg(id, cancel) from beat), '{}') as held
