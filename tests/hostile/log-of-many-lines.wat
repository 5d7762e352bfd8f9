;; It logs line after line.
;; error: budget: more than 256 lines
(import "nodepol:policy/log@0.1.0" "write" (func $log (param i32 i32 i32)))
(func $evaluate
  (loop $again
    (call $log (i32.const 0) (i32.const 1024) (i32.const 5))
    (br $again)))
