-- How much each user may enqueue: a bucket that drips (GCRA, ATM Forum's generic cell rate algorithm), one row a user.
-- paid_until: the time up to which the user has used what drips in; it lies ahead of now by what the bucket has given.
create table ai_user_limits (
  user_id    text        primary key,
  paid_until timestamptz not null
);
create index ai_jobs_waiting_by_user on ai_jobs (user_id)
  where status = 'queued' and next_processing_at is not null;

-- ai_admit: raises YM429 unless this user may add so many jobs now. The detail is the number of seconds after which
-- they fit, or empty when the time alone does not help. A limit that is null does not hold.
-- It is sent in one string with the insert, before it: the lock makes the requests of one user take turns, and what
-- the insert then does counts for the next of them.
create function ai_admit(who text, asked integer, per_minute double precision, burst integer, most_queued integer)
returns void
language plpgsql volatile
set search_path from current
as $$
declare
  now_at constant timestamptz := clock_timestamp();
  paid   timestamptz;
begin
  perform pg_advisory_xact_lock(1818846573, hashtext(who));
  if most_queued is not null and most_queued < asked + (
       select count(*)
         from ((select 1 from ai_jobs j
                 where j.user_id = who and j.status = 'queued' and j.next_processing_at is null
                 limit most_queued)
               union all
               (select 1 from ai_jobs j
                 where j.user_id = who and j.status = 'queued' and j.next_processing_at is not null
                 limit most_queued)) queued) then
    raise exception 'queued' using errcode = 'YM429', detail = '';
  end if;
  if per_minute is not null then
    select greatest(l.paid_until, now_at) into paid from ai_user_limits l where l.user_id = who;
    paid := coalesce(paid, now_at) + make_interval(secs => 60 * asked / per_minute);
    if paid > now_at + make_interval(secs => 60 * burst / per_minute) then
      raise exception 'rate' using errcode = 'YM429', detail = case when asked <= burst then
        ceil(extract(epoch from paid - now_at) - 60 * burst / per_minute)::text else '' end;
    end if;
    insert into ai_user_limits as l (user_id, paid_until) values (who, paid)
        on conflict (user_id) do update set paid_until = excluded.paid_until;
  end if;
end $$;
