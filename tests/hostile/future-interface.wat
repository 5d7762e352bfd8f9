;; It wants an interface of a later nodepol.
;; error: not-loadable: built for `nodepol:policy/units@0.2.0`
;; component
(component
  (import "nodepol:policy/units@0.2.0" (instance (export "get" (func))))
  (instance $check)
  (export "nodepol:policy/check@0.1.0" (instance $check)))
