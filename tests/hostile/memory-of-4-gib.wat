;; Its memory is as large as one can be.
;; error: memory: and may have 64 MiB
(memory (export "memory") 65536 65536)
