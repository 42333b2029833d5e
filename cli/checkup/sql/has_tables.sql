select to_regclass('ai_jobs') is not null and to_regclass('ai_workers') is not null as there
