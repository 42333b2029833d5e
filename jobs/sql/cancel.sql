-- cancel: queued | processing -> cancelled | processing
-- A queued job ends here. A processing one is asked to: its worker hears it by NOTIFY, or from its next heartbeat.
-- Who asked first is written down at once; what ends the run (give_up, reap, release) keeps it.
with asked as (
    update ai_jobs
       set status              = case status when 'queued' then 'cancelled' else status end,
           completed_at        = case status when 'queued' then clock_timestamp() end,
           next_processing_at  = null,
           cancel_requested_at = coalesce(cancel_requested_at, clock_timestamp()),
           error_code          = case when cancel_requested_at is null then 'cancelled' else error_code end,
           error_message       = case when cancel_requested_at is null
                                      then 'Cancelled by ' || case when :by_operator then 'an operator' else 'its user' end
                                      else error_message end,
           version             = version + 1
     where id = :id and user_id = :user_id
       and status in ('queued', 'processing')
    returning *
)
select asked.*,
       case when status = 'processing' then pg_notify('ai_jobs', jsonb_build_object('cancel', jsonb_build_array(jsonb_build_array(id, claim_seq)))::text) end
  from asked
