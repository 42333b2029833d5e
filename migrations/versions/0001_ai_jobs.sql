-- The queue: one table of jobs, and what the processes that work on it must know of one another.
-- The names of ai_* tables leave room for the tables that a team's database already has.

-- A version 7 uuid: 48 bits of milliseconds, then randomness, so that new keys land side by side in the index.
-- PostgreSQL has its own from 18 on; before, the leading half of a random uuid is replaced by the time.
do $$
begin
  if current_setting('server_version_num')::int >= 180000 then
    create function ai_job_id() returns uuid language sql volatile as 'select uuidv7()';
  else
    create function ai_job_id() returns uuid language sql volatile as
      'select (lpad(to_hex(floor(extract(epoch from clock_timestamp()) * 1000)::bigint), 12, ''0'')
               || ''7'' || substr(replace(gen_random_uuid()::text, ''-'', ''''), 14))::uuid';
  end if;
end $$;

create table ai_jobs (
  id                  uuid        primary key default ai_job_id(),
  seq                 bigint      generated always as identity,
  user_id             text        not null check (length(user_id) between 1 and 200),
  job_type            text        not null check (length(job_type) between 1 and 100),
  canvas_id           text,
  status              text        not null default 'queued'
                      check (status in ('queued', 'processing', 'completed', 'failed', 'cancelled')),
  -- the place in the queue: (rank, turn, seq), the smallest first
  priority            smallint    not null default 0 check (priority between -9 and 9),
  rank                smallint    not null generated always as (-priority) stored,
  turn                bigint      not null default 0,
  request_data        jsonb       not null,
  result_data         jsonb,
  error_code          text,
  error_message       text,
  retry_count         integer     not null default 0 check (retry_count >= 0),
  max_retries         integer     not null default 3 check (max_retries between 0 and 100),
  losses              integer     not null default 0,
  attempt_errors      jsonb       not null default '[]',
  progress            smallint    not null default 0 check (progress between 0 and 100),
  progress_message    text,
  usage               jsonb,
  version             integer     not null default 1,
  -- the fence: +1 at every claim and requeue, never reset, never reused
  claim_seq           bigint      not null default 0,
  worker_id           text,
  lease_expires_at    timestamptz,
  cancel_requested_at timestamptz,
  created_at          timestamptz not null default clock_timestamp(),
  ready_at            timestamptz not null default clock_timestamp(),
  started_at          timestamptz,
  completed_at        timestamptz,
  next_processing_at  timestamptz,
  deadline_at         timestamptz,
  provider_wait_since timestamptz,
  idempotency_key     text        check (length(idempotency_key) between 1 and 255),
  request_hash        text,
  constraint ai_jobs_processing_is_leased
    check ((status = 'processing') = (lease_expires_at is not null and worker_id is not null)),
  constraint ai_jobs_final_is_dated
    check ((status in ('completed', 'failed', 'cancelled')) = (completed_at is not null)),
  constraint ai_jobs_only_queued_waits
    check (status = 'queued' or next_processing_at is null)
);

create index ai_jobs_ready on ai_jobs (rank, turn, seq)
  where status = 'queued' and next_processing_at is null;
create index ai_jobs_ready_by_user on ai_jobs (user_id, rank, turn, seq)
  where status = 'queued' and next_processing_at is null;
create index ai_jobs_waiting on ai_jobs (next_processing_at)
  where status = 'queued' and next_processing_at is not null;
create index ai_jobs_expiring on ai_jobs (deadline_at)
  where status = 'queued' and deadline_at is not null;
create index ai_jobs_running on ai_jobs (started_at, user_id)
  where status = 'processing';
create index ai_jobs_lists on ai_jobs (user_id, seq);
create index ai_jobs_purge on ai_jobs (completed_at)
  where completed_at is not null;
create unique index ai_jobs_idempotency on ai_jobs (user_id, idempotency_key)
  where idempotency_key is not null;

create table ai_workers (
  id         text        primary key,
  host       text        not null,
  pid        integer     not null,
  version    text        not null,
  job_types  text[]      not null,
  seats      integer     not null,
  busy       integer     not null default 0,
  started_at timestamptz not null default clock_timestamp(),
  seen_at    timestamptz not null default clock_timestamp()
);

create table ai_leader (
  name       text        primary key,
  holder     text        not null,
  term       bigint      not null,
  expires_at timestamptz not null
);

-- The largest turn that was claimed in a rank: nobody who comes later starts before it.
create table ai_queue_clock (
  rank smallint primary key,
  turn bigint   not null
);

-- APScheduler's timetable of the cluster: readable rows, nothing in them that could be executed.
create table apscheduler_tasks (
  id            text             primary key,
  next_run_time double precision,
  state         jsonb            not null
);
create index apscheduler_tasks_next on apscheduler_tasks (next_run_time);
