;; Thirty thousand locals, in every block of a long row of them.
;; answer: all is well
(func $wide (param i32)
  ;; repeat 30000: (local i64)
  ;; repeat 1000: (block (br_if 0 (local.get 0)) (local.set 7 (i64.const 1)))
)
