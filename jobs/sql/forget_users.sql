-- forget: what users have enqueued so long ago that nobody counts it any more.
delete from ai_user_limits where paid_until < clock_timestamp() - interval '1 day'
