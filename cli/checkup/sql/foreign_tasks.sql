select id
  from apscheduler_tasks
 where not coalesce(state ->> 'task' = any(cast(:known as text[])) and jsonb_typeof(state -> 'every_s') = 'number', false)
 order by id
