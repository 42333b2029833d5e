-- purge: completed | failed | cancelled ->
with old as materialized (
    select id
      from ai_jobs
     where status in ('completed', 'failed', 'cancelled')
       and completed_at < clock_timestamp() - make_interval(secs => :retention_s)
     order by completed_at
     limit :batch
       for update skip locked
)
delete from ai_jobs j
 using old
 where j.id = old.id and j.status in ('completed', 'failed', 'cancelled')
returning j.id
