-- The largest turn claimed in each rank; it only moves forward.
insert into ai_queue_clock as clock (rank, turn)
select * from unnest(cast(:ranks as smallint[]), cast(:turns as bigint[]))
 order by 1
    on conflict (rank) do update
   set turn = excluded.turn
 where clock.turn < excluded.turn
