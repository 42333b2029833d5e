-- pause: no claim that begins after this row's commit takes a job of that type ('*': of any); what runs goes on.
-- The leader is told when it is to end, for workers that sleep by then. A time that has passed ends the pause at once.
with paused as (
    insert into ai_pauses as p (job_type, resume_at, paused_by, reason)
    values (:job_type,
            least(cast(:resume_at as timestamptz),
                  clock_timestamp() + make_interval(secs => cast(:for_s as double precision)),
                  case when coalesce(cast(:resume_at as text), cast(:for_s as text)) is not null
                       then clock_timestamp() + interval '10 years' end),
            :paused_by, :reason)
        on conflict (job_type) do update
       set resume_at = excluded.resume_at,
           paused_by = excluded.paused_by,
           reason    = excluded.reason,
           paused_at = case when p.resume_at <= clock_timestamp() then excluded.paused_at else p.paused_at end
    returning *
)
select job_type,
       case when resume_at is not null then
       pg_notify('ai_jobs', jsonb_build_object('due_s', extract(epoch from resume_at - clock_timestamp()))::text) end
  from paused
