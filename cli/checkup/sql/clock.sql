select extract(epoch from clock_timestamp())::float8 as now_s
