;; It wants a function that the interface does not have.
;; grants: {interfaces: [files]}
;; error: not-loadable: function implementation is missing
;; component
(component
  (import "nodepol:policy/files@0.1.9" (instance (export "get" (func))))
  (instance $check)
  (export "nodepol:policy/check@0.1.0" (instance $check)))
