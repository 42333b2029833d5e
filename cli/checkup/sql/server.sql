-- What the server is, and how it is set for sessions like ours.
select current_setting('server_version_num')::int            as version,
       current_setting('server_version')                     as version_text,
       pg_is_in_recovery()                                   as standby,
       current_setting('default_transaction_read_only')      as read_only,
       current_setting('synchronous_commit')                 as synchronous_commit,
       current_setting('fsync')                              as fsync,
       current_setting('full_page_writes')                   as full_page_writes,
       current_setting('autovacuum')                         as autovacuum,
       current_setting('track_counts')                       as track_counts
