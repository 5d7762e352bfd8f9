;; A table that grows without end.
;; error: memory: tables of
(table $table 1 funcref)
(func $evaluate
  (loop $again
    (drop (table.grow $table (ref.null func) (i32.const 1000)))
    (br $again)))
