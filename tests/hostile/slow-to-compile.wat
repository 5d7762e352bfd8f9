;; One function that an optimising compiler takes long for: a compiler that does
;; not optimise is quick.
;; answer: all is well
(func $slow (param i32) (result i32)
  (local i32)
  ;; repeat 20000: (local.set 1 (i32.add (i32.mul (local.get 0) (local.get 1)) (i32.const #)))
  (local.get 1))
