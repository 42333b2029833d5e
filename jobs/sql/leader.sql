-- Who leads, or led last; `expired`: nobody has taken it up since.
select holder, term, expires_at, expires_at < clock_timestamp() as expired from ai_leader
