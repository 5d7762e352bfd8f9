;; The verdict of its finding is none.
;; error: bad-answer: malformed
(data (i32.const 4100) "\05\02")
(data (i32.const 4112) "\00\0c\00\00\01\00\00\00")
(data (i32.const 3080) "\63")
