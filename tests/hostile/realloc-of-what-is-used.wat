;; The memory that it gives the host for the arguments is that of its answer:
;; it harms itself alone.
;; error: bad-answer: malformed
(func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
  (i32.const 4096))
(func $evaluate (i32.store8 (i32.const 4096) (i32.const 7)))
