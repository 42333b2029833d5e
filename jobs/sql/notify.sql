-- A hint for the pollers of all processes; it may be lost, the poll is the net.
select pg_notify('ai_jobs', :payload)
