-- A word to all processes; it may be lost, the poll is the net.
select pg_notify(:channel, :payload)
