;; It imports a core module from the host.
;; error: not-granted: no WASI
;; component
(component
  (import "engine" (core module (export "f" (func))))
  (instance $check)
  (export "nodepol:policy/check@0.1.0" (instance $check)))
