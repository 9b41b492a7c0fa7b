# What a sequence gave stays with the tab, also past the time after which an idle session goes back to the pool.
connect @URL@
wait connected 30
text create table t (id int generated always as identity, a text); create sequence s;
command query.run-all
wait idle
text insert into t (a) values ('one'), ('two')
command query.run
wait idle
expect screen contains "INSERT 0 2"
command tab.new
text select nextval('s')
command query.run
wait idle
# Each session idles meanwhile, the one on screen as well as the other.
command tab.new
text select 'slept' from pg_sleep(7)
command query.run
wait idle 30
command tab.previous
expect screen contains "kept for currval and lastval"
text select currval('s') + 10
command query.run
wait idle
expect result 1 cell 0 0 is "11"
command tab.previous
expect screen contains "kept for currval and lastval"
text select lastval(), currval('t_id_seq')
command query.run
wait idle
expect result 1 cell 0 0 is "2"
expect result 1 cell 0 1 is "2"
# What was discarded is gone, as the server says.
text discard sequences; select lastval();
command query.run-all
wait idle
expect screen contains "Lastval is not yet defined in this session"
