;; It logs, writes half an answer, and traps.
;; error: trap: without a message
(import "nodepol:policy/log@0.1.0" "write" (func $log (param i32 i32 i32)))
(func $evaluate
  (call $log (i32.const 1) (i32.const 16384) (i32.const 11))
  (i32.store (i32.const 4096) (i32.const 0))
  (unreachable))
