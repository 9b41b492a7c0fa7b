# What is typed goes where the screen says, in a window and without one.
wait idle
expect screen contains "Focus: welcome field"
type @URL@
press enter
wait connected
expect screen contains "Focus: editor"
text <<END
create temp table sale (total int, subtotal int);
insert into sale values (1, 2);
select total, subtotal from sale;
END
# Each letter of the search counts, and so does each of its replacement.
press ctrl-home ctrl-h
expect screen contains "Focus: find"
type total
expect screen contains "[ total ] 1 of 4"
press tab
type amount
press ctrl-alt-enter escape
expect screen contains "select amount, subamount from sale;"
expect screen contains "Focus: editor"
press ctrl-shift-enter
wait idle
expect result 3 rows 1
# A result by its number, the Messages pane, and back.
press ctrl-alt-down
type 2
press enter
expect screen contains "[2 INSERT 0 1"
expect screen contains "Focus: results"
press ctrl-3
expect screen contains "[Messages"
# A run is chosen with the arrows, shown, and inserted with Enter.
press ctrl-0 end home down
expect screen contains "Focus: sidebar"
expect screen contains "── Insert"
press enter
expect screen contains "Focus: editor"
type -- at its end
expect screen contains "-- at its end"
# What Tab comes to is replaced by what is typed.
press ctrl-shift-n
press tab
type db.example
press tab
type 6543
press shift-tab
type other.example
expect screen contains "other.example"
expect screen lacks "db.example"
expect screen contains "6543"
press escape
expect screen contains "Focus: editor"
