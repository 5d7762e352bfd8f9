;; It never says who it is.
;; error: fuel: in `describe`
(func $describe (loop $again (br $again)))
