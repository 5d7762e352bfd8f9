;; Its answer has 67 million findings.
;; error: bad-answer: malformed
(data (i32.const 4112) "\00\00\01\00\00\00\00\04")
