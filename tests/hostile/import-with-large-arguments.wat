;; It asks for files with names of three megabytes, each another one: none of
;; them may be remembered.
;; grants: {interfaces: [files]}
;; limits: {wall: 1s}
;; error: timeout:
(import "nodepol:policy/files@0.1.0" "lstat" (func $lstat (param i32 i32 i32)))
(memory (export "memory") 64)
(data (i32.const 131072) "/")
(func $evaluate
  (local $n i32)
  (memory.fill (i32.const 131073) (i32.const 97) (i32.const 3000000))
  (loop $again
    (global.set $next (i32.const 8192))
    (local.set $n (i32.add (local.get $n) (i32.const 1)))
    (i32.store8 (i32.const 131080) (i32.add (i32.const 97) (i32.rem_u (local.get $n) (i32.const 23))))
    (i32.store8 (i32.const 131081) (i32.add (i32.const 97) (i32.rem_u (i32.div_u (local.get $n) (i32.const 23)) (i32.const 23))))
    (i32.store8 (i32.const 131082) (i32.add (i32.const 97) (i32.rem_u (i32.div_u (local.get $n) (i32.const 529)) (i32.const 23))))
    (call $lstat (i32.const 131072) (i32.const 3000000) (i32.const 40000))
    (br $again)))
