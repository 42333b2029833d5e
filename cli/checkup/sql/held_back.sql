-- What keeps vacuum from removing dead rows: whatever was deleted or updated since then stays in tables and indexes.
select 'session' as kind, format('pid %s, %s, user %s, application %s', pid, state, usename, application_name) as name,
       pid::text as handle, extract(epoch from clock_timestamp() - xact_start)::float8 as age_s, null::int as xids
  from pg_stat_activity
 where datname = current_database() and pid <> pg_backend_pid()
   and (backend_xid is not null or backend_xmin is not null)
   and coalesce(backend_type, '') not like 'autovacuum%'
   and xact_start < clock_timestamp() - make_interval(secs => :held_s)
union all
select 'prepared', format('%L of user %s', gid, owner), gid,
       extract(epoch from clock_timestamp() - prepared)::float8, null
  from pg_prepared_xacts
 where database = current_database() and prepared < clock_timestamp() - make_interval(secs => :held_s)
union all
select 'slot', format('%L', slot_name), slot_name, null, greatest(age(xmin), age(catalog_xmin))
  from pg_replication_slots
 where greatest(age(xmin), age(catalog_xmin)) >= :held_xids
 order by 1, 2
