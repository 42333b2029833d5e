-- Seconds until the next waiting job is due, or the next pause ends; below 0 when it is late, null when nothing waits.
select extract(epoch from least((select next_processing_at
                                   from ai_jobs
                                  where status = 'queued' and next_processing_at is not null
                                  order by next_processing_at
                                  limit 1),
                                (select min(resume_at) from ai_pauses)) - clock_timestamp())
