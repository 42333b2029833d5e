-- forget: users of whom no ended job is kept any more.
delete from ai_user_totals where jobs = 0
