;; It answers, and traps when the answer was read.
;; error: trap: in `evaluate`
(func $done (unreachable))
