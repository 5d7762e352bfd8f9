;; A policy set gave it more fuel than it can ever use: time ends it.
;; limits: {fuel: 1000000000000000, wall: 200ms}
;; error: timeout: 200 ms
(func $evaluate (loop $again (br $again)))
