# Errors: SQLSTATE, hint, place, also in a later statement and after multi-byte text; a failed transaction.
connect @URL@
wait connected 30
text select 1/0
command query.run
wait idle
expect error 22012
expect screen contains "ivision by zero"
text <<END
select 'grün' as größe;
select 'ü' as x, 
  emial from pg_class;
select 3;
END
command query.run-all
wait idle
expect error 42703
expect screen contains "line 3, column 3"
expect result 1 rows 1
command error.go-to
expect screen contains "Ln 3, Col"
text <<END
begin;
select nothing_here;
END
command query.run-all
wait idle
expect error 42703
expect state transaction is failed
text select 1
command query.run
wait idle
expect error 25P02
command transaction.rollback
wait idle
expect state transaction is idle
text \d
command query.run
expect screen contains "psql"
text select 'unfinished
command query.run
wait idle
expect error 42601
