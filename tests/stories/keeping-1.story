# Keeping, the first day: a run, a text, a second tab that is closed and opened again.
connect @URL@
wait connected 30
text select 'kept for tomorrow' as word
command query.run
wait idle
command tab.new
type a text that nobody saved
command tab.new
type gone and back
command tab.close
command tab.reopen
expect screen contains "gone and back"
command tab.previous
wait idle
