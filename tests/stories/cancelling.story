# Cancelling: what the server did is what is shown.
connect @URL@
wait connected 30
text select pg_sleep(60)
command query.run
wait running 10
command query.cancel
wait idle 10
expect error 57014
text select g, repeat('x', 20) from generate_series(1, 1000000) g
command query.run
wait rows 1000 2
command focus.results
press pagedown
press pagedown
command query.cancel
wait idle 10
text select 1
command query.run
wait idle 10
expect result 1 cell 0 0 is "1"
text select g from generate_series(1, 300000) g
command query.run
wait rows 100000 20
wait idle 20
expect result 1 rows 100000
command results.fetch-more
wait rows 200000 20
wait idle 20
expect result 1 rows 200000
text select 2
command query.run
wait idle 10
expect result 1 cell 0 0 is "2"
