;; It wants an interface that there is not.
;; error: not-loadable: does not have
;; component
(component
  (import "nodepol:policy/etcd@0.1.0" (instance (export "get" (func))))
  (instance $check)
  (export "nodepol:policy/check@0.1.0" (instance $check)))
