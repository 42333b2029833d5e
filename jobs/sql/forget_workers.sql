-- forget: rows of workers that nobody has seen for a day.
delete from ai_workers where seen_at < clock_timestamp() - interval '1 day'
