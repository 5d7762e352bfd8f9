;; A hundred instances of an empty module.
;; error: memory: than it may
;; component
(component
  (core module $m (func (export "f")))
  (core instance $i (instantiate $m))
  ;; repeat 100: (core instance (instantiate $m))
  (func $f (canon lift (core func $i "f")))
  (instance $check (export "describe" (func $f)) (export "evaluate" (func $f)))
  (export "nodepol:policy/check@0.1.0" (instance $check)))
