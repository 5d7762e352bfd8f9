;; Blocks in blocks, fifty thousand deep.
;; answer: all is well
(func $deep
  ;; repeat 50000: block
  ;; repeat 50000: end
)
