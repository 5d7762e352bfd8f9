;; It reads the node while it says who it is.
;; grants: {interfaces: [files]}
;; error: bad-answer: must not
(import "nodepol:policy/files@0.1.0" "lstat" (func $lstat (param i32 i32 i32)))
(func $describe (call $lstat (i32.const 1024) (i32.const 5) (i32.const 40000)))
