-- How many ended jobs are kept, without counting them at each question: whatever ends, reopens or deletes a job leaves
-- its +1 or -1 here in the same transaction, and the leader folds these into the totals (tally.sql).  What stands in
-- both together is exact at any moment, also after changes by hand.
create table ai_job_deltas (
  user_id  text    not null,
  job_type text    not null,
  status   text    not null,
  jobs     integer not null
);
create index ai_job_deltas_by_user on ai_job_deltas (user_id);

create table ai_user_totals (
  user_id  text   not null,
  job_type text   not null,
  status   text   not null,
  jobs     bigint not null,
  primary key (user_id, job_type, status)
);
create index ai_user_totals_empty on ai_user_totals (user_id) where jobs = 0;

create table ai_fleet_totals (
  job_type text   not null,
  status   text   not null,
  jobs     bigint not null,
  primary key (job_type, status)
);

-- The live jobs of the whole fleet as they were counted last, one row: [{job_type, state, jobs, oldest_ready_at}].
-- due_at: when they are to be counted again.
create table ai_fleet_depth (
  only_row   boolean     primary key default true check (only_row),
  depth      jsonb       not null,
  counted_at timestamptz not null,
  due_at     timestamptz not null
);

create function ai_tell_end() returns trigger
language plpgsql
set search_path from current
as $$
begin
  if tg_op <> 'INSERT' and old.completed_at is not null then
    insert into ai_job_deltas values (old.user_id, old.job_type, old.status, -1);
  end if;
  if tg_op <> 'DELETE' and new.completed_at is not null then
    insert into ai_job_deltas values (new.user_id, new.job_type, new.status, 1);
  end if;
  return null;
end $$;

create function ai_forget_ends() returns trigger
language plpgsql
set search_path from current
as $$
begin
  truncate ai_job_deltas, ai_user_totals, ai_fleet_totals;
  return null;
end $$;

create trigger ai_jobs_ended after update on ai_jobs for each row
  when (old.status is distinct from new.status and (old.completed_at is not null or new.completed_at is not null))
  execute function ai_tell_end();
create trigger ai_jobs_came_ended after insert on ai_jobs for each row
  when (new.completed_at is not null)
  execute function ai_tell_end();
create trigger ai_jobs_deleted after delete on ai_jobs for each row
  when (old.completed_at is not null)
  execute function ai_tell_end();
create trigger ai_jobs_truncated after truncate on ai_jobs
  execute function ai_forget_ends();

-- The triggers keep everybody else from writing until this is committed, so that nothing is counted twice or left out.
insert into ai_user_totals
select user_id, job_type, status, count(*) from ai_jobs where completed_at is not null group by 1, 2, 3;
insert into ai_fleet_totals
select job_type, status, sum(jobs) from ai_user_totals group by 1, 2;
