;; It fails the node and does not say why.
;; error: bad-answer: no finding that says why
(data (i32.const 4100) "\05\02")
