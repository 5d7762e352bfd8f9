;; As many functions as there may be, which takes a while to compile.
;; answer: all is well
;; repeat 20000: (func (param i32) (result i32) (i32.mul (local.get 0) (i32.const #)))
