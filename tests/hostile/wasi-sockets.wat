;; It wants the network.
;; error: not-granted: no WASI
;; component
(component
  (import "wasi:sockets/tcp@0.2.0" (instance (export "get" (func))))
  (instance $check)
  (export "nodepol:policy/check@0.1.0" (instance $check)))
