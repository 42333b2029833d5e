-- How many connections this role may have to this database together with all others.
select current_setting('max_connections')::int as most,
       current_setting('superuser_reserved_connections')::int
         + coalesce(current_setting('reserved_connections', true)::int, 0) as reserved,
       nullif((select datconnlimit from pg_database where datname = current_database()), -1) as for_database,
       nullif((select rolconnlimit from pg_roles where rolname = current_user), -1)          as for_role
