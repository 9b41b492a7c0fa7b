# What scripts/run shows where there is no display: the sandbox, a query, its rows, a picture of the window.
size 1440 900
connect sandbox
wait connected 300
text <<END
-- revenue by month
select date_trunc('month', o.placed_at)::date as month, count(distinct o.id) as orders,
       sum(i.quantity * i.unit_price) as revenue
from orders o join order_items i on i.order_id = o.id
group by 1 order by 1 desc limit 14;
END
command query.run
wait idle 60
dump result 1 csv -
command focus.results
screenshot @OUT@/demo.png
