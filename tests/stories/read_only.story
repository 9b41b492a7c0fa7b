# Read-only: rows are read, nothing is written, a transaction is rolled back, settings stay.
connect @URL@
wait connected 30
text <<END
create table kept (a int);
insert into kept values (1), (2);
create function gets_out() returns int language plpgsql as $$ begin reset transaction_read_only; insert into kept values (3); return 1; end $$;
END
command query.run-all
wait idle
command tab.new
connect --read-only @URL@
wait connected 30
expect screen contains "read-only"
text select a from kept order by a
command query.run
wait idle
expect result 1 rows 2
expect result 1 cell 1 0 is "2"
expect screen contains "always rolled back"
text insert into kept values (4)
command query.run
wait idle
expect error 25006
text <<END
select gets_out();
END
command query.run
wait idle
expect result 1 cell 0 0 is "1"
expect screen contains "switched its transaction to read-write. Everything was rolled back."
text select nextval('some_sequence')
command query.run
wait idle
expect error 25006
expect screen contains "a rollback does not undo what the function nextval does"
text set work_mem = '77MB'
command query.run
wait idle
command results.messages
expect screen contains "Tusk keeps work_mem = 78848 for this tab."
expect screen contains "keeps 1 setting"
text show work_mem
command query.run
wait idle
expect result 1 cell 0 0 is "77MB"
command transaction.begin
wait idle
expect state transaction is active
text insert into kept values (5)
command query.run
wait idle
expect state transaction is failed
command transaction.commit
wait idle
expect state transaction is idle
expect screen contains "COMMIT was answered with a rollback"
text select count(*) from kept
command query.run
wait idle
expect result 1 cell 0 0 is "2"
