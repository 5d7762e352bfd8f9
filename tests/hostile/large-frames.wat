;; It exhausts the stack with few calls: each has a thousand locals in use.
;; error: trap: too deep
(func $evaluate (call $deeper (i64.const 1)))
(func $deeper (param i64)
  ;; repeat 1000: (local $l# i64)
  ;; repeat 1000: (local.set $l# (i64.mul (local.get 0) (i64.const #)))
  (call $deeper (i64.add (local.get 0) (i64.const 1)))
  ;; repeat 1000: (global.set $sum (i64.xor (global.get $sum) (local.get $l#)))
)
(global $sum (mut i64) (i64.const 0))
