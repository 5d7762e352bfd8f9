;; It logs long lines.
;; error: budget: more than 64 KiB
(import "nodepol:policy/log@0.1.0" "write" (func $log (param i32 i32 i32)))
(memory (export "memory") 4)
(func $evaluate
  (loop $again
    (call $log (i32.const 0) (i32.const 65536) (i32.const 60000))
    (br $again)))
