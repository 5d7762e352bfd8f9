;; Twenty thousand types.
;; error: not-loadable: more than 10000 types
;; component
(component
  ;; repeat 20000: (type (list u8))
)
