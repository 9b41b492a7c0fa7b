# The main job: connect, a million rows at once, scroll, cancel, an error, NULL beside an empty string.
connect @URL@
wait connected 60
text select g, repeat('x',20) from generate_series(1,1000000) g
command query.run
wait rows 1000 2
command focus.results
press pagedown
press ctrl-end
press ctrl-home
command query.cancel
wait idle
text select 1/0
command query.run
wait idle
expect error 22012
expect screen contains "ivision by zero"
text select 'a' union all select null
command query.run
wait idle
dump result 1 csv @OUT@/union.csv
