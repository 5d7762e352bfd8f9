;; It loops in the function that frees its answer.
;; error: fuel: in `evaluate`
(func $done (loop $again (br $again)))
