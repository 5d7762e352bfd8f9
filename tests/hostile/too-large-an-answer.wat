;; A hundred and fifty thousand findings: more than an answer may be copied.
;; error: budget: more than 4 MiB
(memory (export "memory") 400)
(data (i32.const 4112) "\00\00\01\00\f0\49\02\00")
