;; It imports files, which it was not granted.
;; error: not-granted: `files`
(import "nodepol:policy/files@0.1.0" "lstat" (func $lstat (param i32 i32 i32)))
(func $evaluate (call $lstat (i32.const 1024) (i32.const 5) (i32.const 40000)))
