;; It wants files that nobody has, one after the other.
;; grants: {interfaces: [files]}
;; error: budget: files
(import "nodepol:policy/files@0.1.0" "lstat" (func $lstat (param i32 i32 i32)))
(data (i32.const 32768) "/opt/aaaaaa")
(func $evaluate
  (local $n i32)
  (loop $again
    (global.set $next (i32.const 8192))
    (local.set $n (i32.add (local.get $n) (i32.const 1)))
    (i32.store8 (i32.const 32773) (i32.add (i32.const 97) (i32.rem_u (local.get $n) (i32.const 23))))
    (i32.store8 (i32.const 32774) (i32.add (i32.const 97) (i32.rem_u (i32.div_u (local.get $n) (i32.const 23)) (i32.const 23))))
    (i32.store8 (i32.const 32775) (i32.add (i32.const 97) (i32.rem_u (i32.div_u (local.get $n) (i32.const 529)) (i32.const 23))))
    (i32.store8 (i32.const 32776) (i32.add (i32.const 97) (i32.rem_u (i32.div_u (local.get $n) (i32.const 12167)) (i32.const 23))))
    (call $lstat (i32.const 32768) (i32.const 11) (i32.const 40000))
    (br $again)))
