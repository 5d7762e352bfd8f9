;; It logs what is outside of its memory.
;; error: bad-answer: malformed
(import "nodepol:policy/log@0.1.0" "write" (func $log (param i32 i32 i32)))
(func $evaluate
  (call $log (i32.const 0) (i32.const 0x7fffff00) (i32.const 1000)))
