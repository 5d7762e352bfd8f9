;; Its summary is not UTF-8.
;; error: bad-answer: malformed
(data (i32.const 4104) "\00\40\00\00\02\00\00\00")
(data (i32.const 16384) "\ff\fe")
