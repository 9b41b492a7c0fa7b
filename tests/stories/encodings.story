# A session whose client_encoding is another than UTF8: what is typed is stored, and shown again.
connect @URL@
wait connected 30
text <<END
create table words (w text);
set client_encoding = 'LATIN1';
insert into words values ('café');
select w, length(w) from words;
END
command query.run-all
wait idle
expect result 4 cell 0 0 is "café"
expect result 4 cell 0 1 is "4"
command results.messages
expect screen contains "client_encoding is LATIN1 now"
# What it has no word for is named, and not sent.
text <<END
insert into words values ('5 €')
END
command query.run
wait idle
expect screen contains "LATIN1, which has no “€” (U+20AC)"
expect screen contains "SET client_encoding = 'UTF8'"
# The rows of the statement that changes it came in the one or the other.
text <<END
select w, set_config('client_encoding', 'UTF8', false) from words
END
command query.run
wait idle
expect result 1 cell 0 0 is "caf\\xc3\\xa9"
expect screen contains "What is not ASCII is shown as bytes"
text <<END
select w, w = 'café' from words
END
command query.run
wait idle
expect result 1 rows 1
expect result 1 cell 0 0 is "café"
expect result 1 cell 0 1 is "t"
