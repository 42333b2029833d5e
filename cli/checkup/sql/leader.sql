-- A leader that has resigned expires at -infinity, which older servers cannot subtract.
select holder from ai_leader where name = 'scheduler' and expires_at >= clock_timestamp()
