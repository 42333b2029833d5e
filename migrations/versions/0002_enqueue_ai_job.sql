-- enqueue_ai_job: a job from plain SQL, in any language, inside the caller's own transaction.
-- The turn is the one that jobs/sql/enqueue.sql gives, and the hint is what jobs/events.py encodes; the server
-- delivers it at commit. A hint that is lost does no harm: the workers' poll finds the job.
--
-- The hash of an idempotent request is not the API's: that one is taken of Python's JSON text, which SQL cannot write
-- alike. So a key belongs to the door it was first used at; at the other one it is a conflict.
--
-- It runs with its caller's rights, who needs select and insert on ai_jobs and select on ai_queue_clock.
-- Raises 22023 for an argument that no job can have, and YM409 for a key that was used for another request.
create function enqueue_ai_job(
  user_id         text,
  job_type        text,
  request         jsonb,
  priority        integer          default 0,
  max_retries     integer          default 3,
  delay_s         double precision default null,
  deadline_s      double precision default null,
  idempotency_key text             default null,
  canvas_id       text             default null
) returns uuid
language plpgsql volatile
set search_path from current  -- of the schema that holds the queue, wherever it is called from
as $$
#variable_conflict use_column
declare
  wait_s constant double precision := nullif(enqueue_ai_job.delay_s, 0);
  asked  text;
  start  bigint;
  made   record;
begin
  if jsonb_typeof(request) is distinct from 'object' then
    raise exception 'enqueue_ai_job: request must be a JSON object' using errcode = '22023';
  end if;
  if not coalesce(wait_s between 0 and 3e9, true) then
    raise exception 'enqueue_ai_job: delay_s must be 0 or more seconds' using errcode = '22023';
  end if;
  if not coalesce(enqueue_ai_job.deadline_s > 0 and enqueue_ai_job.deadline_s <= 3e9, true) then
    raise exception 'enqueue_ai_job: deadline_s must be more than 0 seconds' using errcode = '22023';
  end if;
  if enqueue_ai_job.idempotency_key is not null then  -- jsonb writes equal objects alike; the times as their bytes
    asked := 'sql:' || encode(sha256(convert_to(jsonb_build_array(
      enqueue_ai_job.job_type, enqueue_ai_job.priority, encode(float8send(wait_s), 'hex'),
      encode(float8send(enqueue_ai_job.deadline_s), 'hex'), request)::text, 'UTF8')), 'hex');
  end if;
  loop  -- again only when the key's job was purged between the two statements
    start := coalesce((select clock.turn from ai_queue_clock clock where clock.rank = -enqueue_ai_job.priority), 0);
    insert into ai_jobs (user_id, job_type, canvas_id, priority, turn, request_data, max_retries,
                         deadline_at, next_processing_at, ready_at, idempotency_key, request_hash)
    values (enqueue_ai_job.user_id, enqueue_ai_job.job_type, enqueue_ai_job.canvas_id, enqueue_ai_job.priority,
            greatest(start,
                     1 + (select own.turn
                            from ai_jobs own
                           where own.user_id = enqueue_ai_job.user_id
                             and own.rank = -cast(enqueue_ai_job.priority as smallint)
                             and own.status = 'queued' and own.next_processing_at is null
                             and own.turn >= start
                           order by own.turn desc, own.seq desc
                           limit 1)),
            request, enqueue_ai_job.max_retries,
            clock_timestamp() + make_interval(secs => enqueue_ai_job.deadline_s),
            clock_timestamp() + make_interval(secs => wait_s),
            clock_timestamp() + make_interval(secs => coalesce(wait_s, 0)),
            enqueue_ai_job.idempotency_key, asked)
    on conflict (user_id, idempotency_key) where idempotency_key is not null do nothing
    returning id, rank, turn, seq into made;
    if found then
      perform pg_notify('ai_jobs', case when wait_s is null
        then '{"ready":[[' || concat_ws(',', made.rank, made.turn, made.seq) || ']],"due_s":null}'
        else '{"ready":[],"due_s":' || to_json(wait_s) || '}' end);
      return made.id;
    end if;
    select j.id, j.request_hash into made
      from ai_jobs j
     where j.user_id = enqueue_ai_job.user_id and j.idempotency_key = enqueue_ai_job.idempotency_key;
    if found and made.request_hash is distinct from asked then
      raise exception 'enqueue_ai_job: this idempotency key was used for another request, or outside SQL'
        using errcode = 'YM409', constraint = 'ai_jobs_idempotency';
    elsif found then
      return made.id;
    end if;
  end loop;
end $$;
