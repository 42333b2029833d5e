-- leave: a worker that stops in order takes its row along.
delete from ai_workers where id = :worker_id
