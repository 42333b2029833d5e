-- What users who follow their jobs are shown of those that have changed.
select j.id, j.user_id, j.status, j.progress, j.progress_message, j.error_message, j.version,
       case when j.status = 'completed' then j.result_data end as result_data
  from ai_jobs j
 where j.id = any(cast(:ids as uuid[])) and j.user_id = any(cast(:users as text[]))
