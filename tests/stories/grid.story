# The grid by key: moving, a range, its sum, copying, a value whole.
size 1280 800
connect @URL@
wait connected 30
text <<END
select g as n, case when g % 2 = 0 then null else 'v' || g end as v, e'two\nlines' as long
from generate_series(1, 500) g;
END
command query.run
wait idle
expect result 1 rows 500
command focus.results
press down
press down
press shift-down
press shift-right
wait idle
expect screen contains "sum 7"
press ctrl-c
wait idle
dump clipboard @OUT@/clipboard.txt
press ctrl-end
expect screen contains "500"
press pageup
press ctrl-home
press right
press right
press enter
expect screen contains "two"
press escape
press f6
type --
press f6
press ctrl-a
wait idle
expect screen contains "1,500 cells"
