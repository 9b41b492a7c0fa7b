# A file is run without being opened: its statements and its data are streamed.
connect @URL@
wait connected 30
run-file @OUT@/dump.sql
wait idle 60
dump job @OUT@/dump.json
expect screen contains "dump.sql"
text <<END
select count(*), sum(a) from public.t;
END
command query.run
wait idle
expect result 1 cell 0 0 is "20500"
run-file @OUT@/bad.sql
wait idle
dump job @OUT@/bad.json
run-file @OUT@/data.sql
wait idle
dump job @OUT@/data.json
run-file @OUT@/meta.sql
wait idle
dump job @OUT@/meta.json
run-file @OUT@/goes-on.sql
wait idle
dump job @OUT@/goes-on.json
run-file @OUT@/secret.sql
wait idle
dump job @OUT@/secret.json
dump screen @OUT@/secret.txt
run-file @OUT@/latin.sql
wait idle
dump job @OUT@/latin.json
run-file @OUT@/sleeps.sql
command query.cancel
wait idle 30
dump job @OUT@/sleeps.json
run-file @OUT@/missing.sql
wait idle
dump job @OUT@/missing.json
connect --read-only @URL@
wait connected 30
run-file @OUT@/reads.sql
wait idle
dump job @OUT@/reads.json
run-file @OUT@/dump.sql
wait idle
dump job @OUT@/refused.json
