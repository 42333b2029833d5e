-- How many live workers have a handler for this type.
select count(*)
  from ai_workers
 where :job_type = any(job_types) and seen_at > clock_timestamp() - make_interval(secs => :silent_s)
