-- resign: the row stays, so that the term goes on counting; the next to ask takes it.
update ai_leader
   set expires_at = '-infinity'
 where name = 'scheduler' and holder = :worker_id
