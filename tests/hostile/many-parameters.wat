;; It declares a hundred million parameters.
;; error: bad-answer: malformed
(data (i32.const 2084) "\00\80\00\00\00\e1\f5\05")
