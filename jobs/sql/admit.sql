-- In front of an enqueue, in one string with it: nothing is added when the user has had enough.
select ai_admit(:user_id, :asked, cast(:per_minute as double precision), :burst, cast(:most_queued as integer))
