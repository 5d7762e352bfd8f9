;; Its id has a colour.
;; error: bad-answer: is not in kebab-case
(data (i32.const 1024) "\1b[1mp")
