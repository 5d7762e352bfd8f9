;; Its summary has two gigabytes, and its memory does not.
;; error: bad-answer: malformed
(data (i32.const 4104) "\00\40\00\00\ff\ff\ff\7f")
