;; Its `describe` and `evaluate` give nothing.
;; error: not-loadable: does not fit
;; component
(component
  (core module $m (func (export "f")))
  (core instance $m (instantiate $m))
  (func $f (canon lift (core func $m "f")))
  (instance $check (export "describe" (func $f)) (export "evaluate" (func $f)))
  (export "nodepol:policy/check@0.1.0" (instance $check)))
