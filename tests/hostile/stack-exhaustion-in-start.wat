;; The same before anything is asked of it.
;; error: trap: too deep
(func $start (call $start) (drop (i32.const 0)))
(start $start)
