;; It tries to leave the tree that is judged, and names what no path can be.
;; grants: {interfaces: [files]}
;; answer: all is well
(import "nodepol:policy/files@0.1.0" "lstat" (func $lstat (param i32 i32 i32)))
(import "nodepol:policy/files@0.1.0" "text" (func $text (param i32 i32 i32)))
(data (i32.const 32768) "/../../../../../../etc/shadow")
(data (i32.const 32800) "etc//./\00/\ff/\f0\9f\92\a9")
(data (i32.const 32832) "/proc/self/root/etc/shadow")
(func $evaluate
  (call $lstat (i32.const 32768) (i32.const 29) (i32.const 40000))
  (call $text (i32.const 32768) (i32.const 29) (i32.const 40000))
  (call $lstat (i32.const 32800) (i32.const 9) (i32.const 40000))
  (call $text (i32.const 32832) (i32.const 26) (i32.const 40000)))
