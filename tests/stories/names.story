# A name that is not there: the nearest existing one, from the schema cache; and all that the server said, unfolded by key.
connect @URL@
wait connected 30
text <<END
create schema billing;
create table customers (id int primary key, email text);
create table billing.invoices (id int primary key);
create function tax_of(amount numeric) returns numeric language sql as 'select 1.0';
END
command query.run-all
wait idle
text select * from custmers
command query.run
wait idle
expect error 42P01
expect screen contains "Did you mean customers?"
expect screen lacks "undefined_table"
press f7
expect screen contains "SQLSTATE: 42P01 (undefined_table)"
expect screen contains "Position: character 15"
expect screen contains "Reported by: parserOpenTable"
expect screen contains "Hide details"
press f7
expect screen lacks "undefined_table"
text select * from invoices
command query.run
wait idle
expect screen contains "Did you mean billing.invoices? Its schema is not on the search_path."
text update customers set emial = 'x'
command query.run
wait idle
expect error 42703
expect screen contains "Did you mean email?"
text select tax_fo(1)
command query.run
wait idle
expect error 42883
expect screen contains "Did you mean tax_of(numeric)?"
# What is made in a transaction is known to everybody once it is committed.
text <<END
begin;
create table suppliers (id int);
commit;
select * from supliers;
END
command query.run-all
wait idle
expect screen contains "Did you mean suppliers?"
command schema.refresh
wait idle
expect screen contains "The schema was read anew"
command error.copy
dump clipboard @OUT@/error.txt
