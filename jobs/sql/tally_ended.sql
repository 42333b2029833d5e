-- Fold what has ended since into the totals; returns how many changes there were.
with told as materialized (
    select ctid from ai_job_deltas limit :batch for update skip locked
), folded as materialized (
    delete from ai_job_deltas d using told where d.ctid = told.ctid returning d.user_id, d.job_type, d.status, d.jobs
), users as (
    insert into ai_user_totals as t (user_id, job_type, status, jobs)
    select user_id, job_type, status, sum(jobs) from folded group by 1, 2, 3 order by 1, 2, 3
        on conflict (user_id, job_type, status) do update set jobs = t.jobs + excluded.jobs
), fleet as (
    insert into ai_fleet_totals as t (job_type, status, jobs)
    select job_type, status, sum(jobs) from folded group by 1, 2 order by 1, 2
        on conflict (job_type, status) do update set jobs = t.jobs + excluded.jobs
)
select count(*) from folded
