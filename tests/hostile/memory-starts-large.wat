;; Its memory is larger than it may be before anything runs.
;; error: memory: it wanted 125 MiB of memory
(memory (export "memory") 2000)
