;; Its summary has fifty megabytes, which are there.
;; error: budget: more than 4 MiB
(memory (export "memory") 900)
(data (i32.const 4104) "\00\40\00\00\00\00\00\03")
