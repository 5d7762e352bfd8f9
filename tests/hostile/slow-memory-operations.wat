;; It copies its whole memory again and again, few instructions that take long.
;; error: fuel: in `evaluate`
(memory (export "memory") 900)
(func $evaluate
  (loop $again
    (memory.copy (i32.const 65536) (i32.const 131072) (i32.const 58000000))
    (br $again)))
