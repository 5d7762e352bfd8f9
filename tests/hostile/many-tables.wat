;; A hundred tables.
;; error: memory: than it may
;; repeat 100: (table 1 funcref)
