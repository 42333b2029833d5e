-- What running jobs have drawn so far, for whoever follows them: only ever added to, and dropped as the run ends.
-- No foreign key: it would cost each deleted job a look; what a job that was deleted by hand leaves, the purge takes.
create table ai_job_parts (
  job_id    uuid    not null,
  claim_seq bigint  not null,
  n         integer not null,
  anew      boolean not null,  -- what was drawn before it does not count any more
  objects   jsonb   not null,
  primary key (job_id, claim_seq, n)
);
