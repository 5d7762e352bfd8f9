;; It loops when the host asks it for memory to put the arguments into.
;; error: fuel: in `evaluate`
(func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
  (loop $again (br $again))
  (unreachable))
