;; Its `check` has no functions.
;; error: not-loadable: does not fit
;; component
(component
  (instance $check)
  (export "nodepol:policy/check@0.1.0" (instance $check)))
