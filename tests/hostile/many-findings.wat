;; Its answer has a thousand findings, all of them in its memory.
;; error: budget: 1000 findings
(memory (export "memory") 200)
(data (i32.const 4112) "\00\00\01\00\e8\03\00\00")
