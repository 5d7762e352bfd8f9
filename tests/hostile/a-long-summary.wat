;; Its summary has more bytes than one text may have.
;; error: budget: 64 KiB
(memory (export "memory") 10)
(data (i32.const 4104) "\00\40\00\00\00\00\02\00")
