;; It calls itself until there is no stack.
;; error: trap: too deep
(func $evaluate (call $evaluate) (drop (i32.const 0)))
