-- One row for an article that is known, none for any other. The filter of the proposal, "warehouse='NY', qty>0", is a
-- list of conditions that all hold; its pattern in the configuration lets nothing else in, so that it is split here as
-- JSON: ["warehouse=NY","qty>0"].
SELECT coalesce(sum(stock.quantity), 0)
FROM products
LEFT JOIN stock ON stock.sku = products.sku
  AND (:warehouse IS NULL OR stock.warehouse = :warehouse)
  AND stock.quantity >= coalesce(:min_qty, 0)
  AND NOT EXISTS (
    SELECT 1
    FROM json_each('["' || replace(replace(replace(:filter, '''', ''), ' ', ''), ',', '","') || '"]') AS condition
    WHERE condition.value != 'warehouse=' || stock.warehouse
      AND NOT (condition.value LIKE 'qty>%' AND stock.quantity > CAST(substr(condition.value, 5) AS INTEGER))
  )
WHERE products.sku = :sku
GROUP BY products.sku
