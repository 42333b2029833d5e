-- How many jobs purge would delete, counted to a million.
select count(*)
  from (select
          from ai_jobs
         where completed_at is not null
           and completed_at < (select clock_timestamp() - make_interval(secs => :retention_s))
         limit 1000001) old
