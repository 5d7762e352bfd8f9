;; It wants files by way of WASI.
;; error: not-granted: no WASI
;; component
(component
  (import "wasi:filesystem/preopens@0.2.0" (instance (export "get" (func))))
  (instance $check)
  (export "nodepol:policy/check@0.1.0" (instance $check)))
