;; It asks for the same file until the host has enough of it.
;; grants: {interfaces: [files]}
;; error: budget: times
(import "nodepol:policy/files@0.1.0" "lstat" (func $lstat (param i32 i32 i32)))
(data (i32.const 32768) "/etc/fstab")
(func $evaluate
  (loop $again
    ;; What was allocated for the last answer is free again.
    (global.set $next (i32.const 8192))
    (call $lstat (i32.const 32768) (i32.const 10) (i32.const 40000))
    (br $again)))
