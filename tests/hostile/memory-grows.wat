;; It takes memory until there is none.
;; error: memory: may have 64 MiB
(func $evaluate (loop $again (drop (memory.grow (i32.const 16))) (br $again)))
