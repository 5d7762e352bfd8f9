;; It imports by a name of its own.
;; error: not-granted: no WASI
;; component
(component
  (import "units" (instance (export "get" (func))))
  (instance $check)
  (export "nodepol:policy/check@0.1.0" (instance $check)))
