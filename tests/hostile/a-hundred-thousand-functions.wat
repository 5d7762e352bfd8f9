;; A hundred thousand functions.
;; error: not-loadable: more than 50000 functions
;; component
(component
  (core module
    ;; repeat 100000: (func)
  ))
