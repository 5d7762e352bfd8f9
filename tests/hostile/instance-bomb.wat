;; A thousand instances: refused before a compiler sees them.
;; error: not-loadable: more than 256 instances
;; component
(component
  (core module $m (func (export "f")))
  ;; repeat 1000: (core instance (instantiate $m))
)
