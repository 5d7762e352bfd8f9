;; Its data does not fit into its memory.
;; error: trap: while it started
(data (i32.const 131070) "too long")
