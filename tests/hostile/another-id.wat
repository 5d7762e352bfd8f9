;; It calls itself by the name of a standard policy, to stand in its place.
;; error: bad-answer: swap-active
(data (i32.const 32768) "swap-active")
(data (i32.const 2048) "\00\80\00\00\0b\00\00\00")
