;; One function of more than a megabyte.
;; error: not-loadable: bytes in one function
;; component
(component
  (core module (func
    ;; repeat 1100000: nop
  )))
