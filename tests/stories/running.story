# Writing and running: the statement under the cursor, all of them, tags, transactions, notices, COPY.
connect @URL@
wait connected 30
text <<END
select 1 as one;
select 2 as two;
create temporary table t (a int, b text);
insert into t select g, 'row ' || g from generate_series(1, 5) g;
update t set b = upper(b) where a > 3;
END
press ctrl-home
command query.run
wait idle
expect result 1 rows 1
expect result 1 cell 0 0 is "1"
expect screen contains "SELECT 1"
command query.run-all
wait idle
expect result 2 cell 0 0 is "2"
expect screen contains "CREATE TABLE"
expect screen contains "INSERT 0 5"
expect screen contains "UPDATE 2"
text <<END
begin;
select count(*) from t;
END
command query.run-all
wait idle
expect result 2 cell 0 0 is "5"
expect state transaction is active
command transaction.rollback
wait idle
expect state transaction is idle
text <<END
do $$ begin raise notice 'first of two'; raise warning 'second; of two'; end $$
END
command query.run
wait idle
command results.messages
expect screen contains "first of two"
expect screen contains "second; of two"
text <<END
copy t from stdin;
6	six
7	\N
\.
select a, b from t where a > 5 order by a;
copy (select a from t where a > 5 order by a) to stdout;
END
command query.run-all
wait idle
expect screen contains "COPY 2"
expect result 2 rows 2
expect result 2 cell 0 1 is "six"
expect result 3 rows 2
text <<END
listen jobs;
notify jobs, 'wake up';
END
command query.run-all
wait idle
command results.messages
expect screen contains "wake up"
