-- Our tables for which autovacuum is switched off, also in their TOAST tables.
select coalesce(main.relname, t.relname) as name
  from pg_class t
  left join pg_class main on main.reltoastrelid = t.oid
  join lateral pg_options_to_table(t.reloptions) as o on o.option_name = 'autovacuum_enabled'
 where coalesce(main.oid, t.oid) in (select to_regclass(name)::oid from unnest(cast(:tables as text[])) as name)
   and not o.option_value::boolean
 order by 1
