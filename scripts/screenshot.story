# Makes the README's picture: tusk story scripts/screenshot.story, from the top of the checkout.
size 1440 900
connect sandbox
wait connected 300
text <<END
-- revenue by month
with paid as (
  select o.id, o.customer_id, o.placed_at, sum(i.quantity * i.unit_price) as total
  from orders o join order_items i on i.order_id = o.id
  where o.status = 'paid'
  group by o.id
)
select date_trunc('month', placed_at) as month, count(*) as orders, sum(total) as revenue,
       nullif(count(distinct customer_id) % 7, 3) as returning, jsonb_build_object('orders', count(*), 'largest', max(total)) as breakdown
from paid group by 1 order by 1 desc;

update customers set tier = 'gold' where id in (7, 42, 99);
END
press ctrl-home
press down
press down
command query.run
wait idle 60
command focus.results
press down
press down
press right
press shift-right
press shift-down
press shift-down
press shift-down
press shift-down
wait idle
dump result 1 csv -
screenshot assets/screenshot.png
