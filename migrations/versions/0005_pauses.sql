-- What no worker may claim, read by each claim itself: a pause holds for the whole fleet from its commit on.
create table ai_pauses (
  job_type  text        primary key check (length(job_type) between 1 and 100),  -- '*': every type
  paused_at timestamptz not null default clock_timestamp(),
  resume_at timestamptz,  -- null: until somebody resumes it
  paused_by text        not null check (length(paused_by) between 1 and 200),
  reason    text        check (length(reason) between 1 and 500)
);

-- What failed, the oldest first: to queue it again by type, fault and time.
create index ai_jobs_failed on ai_jobs (completed_at)
  where status = 'failed';
