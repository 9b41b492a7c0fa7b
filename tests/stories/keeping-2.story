# Keeping, the next day: everything is as it was, and the history finds the run.
wait idle
expect screen contains "a text that nobody saved"
command history.open
type tomorrow
wait idle
expect screen contains "kept for tomorrow"
press enter
expect screen contains "select 'kept for tomorrow' as word;"
