;; It never finishes to start.
;; error: fuel: while it started
(func $start (loop $again (br $again)))
(start $start)
