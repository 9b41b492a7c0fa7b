# Files in other encodings than UTF-8, with their own line ends, and changed by others.
open @OUT@/latin.sql
wait idle
expect screen contains "does not say what encoding it has"
answer "Latin-1"
wait idle
expect screen contains "select 'é'"
expect screen contains "Latin-1 · CRLF"
press ctrl-home end
type ;\nselect 2;
press ctrl-s
wait idle
type €
press ctrl-s
wait idle
expect screen contains "is Latin-1, which has no “€”"
answer "Don't save"
open @OUT@/large.sql
wait idle
expect screen contains "large.sql without opening it?"
answer "Cancel"
command tab.new
drop @OUT@/wide.sql
wait idle
expect screen contains "UTF-16 LE with BOM"
press ctrl-end
type select 'я';
press ctrl-s
wait idle
