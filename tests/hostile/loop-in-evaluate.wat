;; It never answers.
;; error: fuel: in `evaluate`
(func $evaluate (loop $again (br $again)))
