;; It is a policy of a later nodepol.
;; error: not-loadable: built for `nodepol:policy/check@0.2.0`
;; component
(component
  (instance $check)
  (export "nodepol:policy/check@0.2.0" (instance $check)))
