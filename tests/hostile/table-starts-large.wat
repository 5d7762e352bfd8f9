;; A table of a million elements.
;; error: memory: tables of 1000000 elements
(table 1000000 funcref)
