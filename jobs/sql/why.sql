-- What there is to say about why a job does not run: the job, the pauses on its type, what runs, what is before it,
-- who could run it, who leads, and how many of the last 200 runs ended within ten minutes. For its user.
-- `still_since`: it has been ready, and nobody has begun any job.
-- `first` are those of `ahead` that claims do not pass over, while another type than its own is paused: of the nearest
-- 5,000, for what is paused gathers at the head of the queue.
select me.status, me.job_type, me.created_at, me.started_at, me.completed_at, me.next_processing_at, me.deadline_at,
       me.cancel_requested_at, me.provider_wait_since, me.retry_count, me.max_retries, me.error_code, me.worker_id,
       clock_timestamp() as now,
       paused.n as pauses, paused.everything as all_paused, paused.resume_at,
       running.n as running, running.own as running_own,
       (select count(*)
          from (select 1
                  from ai_jobs j
                 where me.status = 'queued' and me.next_processing_at is null
                   and j.status = 'queued' and j.next_processing_at is null
                   and (j.rank, j.turn, j.seq) < (me.rank, me.turn, me.seq)
                 limit 1001) before) as ahead,
       case when passed.types <> '{}' then
       (select count(*)
          from (select 1
                  from (select j.job_type
                          from ai_jobs j
                         where me.status = 'queued' and me.next_processing_at is null
                           and j.status = 'queued' and j.next_processing_at is null
                           and (j.rank, j.turn, j.seq) < (me.rank, me.turn, me.seq)
                         order by j.rank desc, j.turn desc, j.seq desc
                         limit 5000) near
                 where near.job_type <> all(passed.types)
                 limit 1001) first) end as first,
       workers.live, workers.able, workers.seats, workers.busy, workers.seen_at,
       exists (select from ai_leader where expires_at > clock_timestamp()) as led,
       greatest(me.ready_at, running.newest, pace.newest) as still_since,
       pace.n as ended, extract(epoch from clock_timestamp() - pace.since) as ended_within_s
  from ai_jobs me
 cross join lateral (select count(*) as n, bool_or(p.job_type = '*') as everything,
                            case when bool_and(p.resume_at is not null) then max(p.resume_at) end as resume_at
                       from ai_pauses p
                      where p.job_type in (me.job_type, '*')
                        and (p.resume_at is null or p.resume_at > clock_timestamp())) paused
 cross join lateral (select coalesce(array_agg(p.job_type), '{}') as types
                       from ai_pauses p
                      where p.job_type not in (me.job_type, '*')
                        and (p.resume_at is null or p.resume_at > clock_timestamp())) passed
 cross join lateral (select count(*) as n, count(*) filter (where r.user_id = me.user_id) as own,
                            max(r.started_at) as newest
                       from ai_jobs r
                      where r.status = 'processing') running
 cross join lateral (select count(*) filter (where heard) as live, count(*) filter (where heard and able) as able,
                            coalesce(sum(seats) filter (where heard and able), 0) as seats,
                            coalesce(sum(busy) filter (where heard and able), 0) as busy, max(seen_at) as seen_at
                       from (select w.seats, w.busy, w.seen_at, me.job_type = any(w.job_types) as able,
                                    w.seen_at > clock_timestamp() - make_interval(secs => :silent_s) as heard
                               from ai_workers w) w) workers
 cross join lateral (select count(*) as n, min(completed_at) as since, max(started_at) as newest
                       from (select completed_at, started_at
                               from ai_jobs
                              where completed_at is not null
                              order by completed_at desc
                              limit 200) latest
                      where started_at is not null and completed_at > clock_timestamp() - interval '10 minutes') pace
 where me.id = :id and me.user_id = :user_id
