;; It wants the environment of the process.
;; error: not-granted: no WASI
;; component
(component
  (import "wasi:cli/environment@0.2.3" (instance (export "get" (func))))
  (instance $check)
  (export "nodepol:policy/check@0.1.0" (instance $check)))
