;; A type that doubles with each line: two to the power of sixty.
;; error: not-loadable: no valid component
;; component
(component
  (type $t0 (tuple u8 u8))
  ;; repeat 60: (type $t# (tuple $t@ $t@))
  (import "nodepol:policy/units@0.1.0" (instance (export "t" (func (param "p" $t60)))))
)
