;; It counts its calls and would answer otherwise the second time: there is no
;; second time, since nothing of one call is left for the next.
;; answer: all is well
(global $calls (mut i32) (i32.const 0))
(func $count
  (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
  (if (i32.gt_u (global.get $calls) (i32.const 1)) (then (unreachable)))
  (if (i32.load (i32.const 32768)) (then (unreachable)))
  (i32.store (i32.const 32768) (i32.const 1)))
(func $describe (call $count))
(func $evaluate (call $count))
