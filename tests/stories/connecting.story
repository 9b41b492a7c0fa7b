# Connecting: by URL, with the tab saying where it is; a refused password asks, and the next one is taken.
connect @URL@
wait connected 30
expect state transaction is none
expect screen contains "@DATABASE@"
command query.run
expect screen contains "There is no statement here to run"
text <<END
select current_user
END
command query.run
wait idle
expect result 1 rows 1
expect state transaction is idle
command connection.disconnect
wait idle
expect screen lacks "transaction idle"
connect @URL_WRONG_PASSWORD@
wait idle 30
expect error 28P01
expect screen contains "Password"
type @PASSWORD@
press enter
wait connected 30
