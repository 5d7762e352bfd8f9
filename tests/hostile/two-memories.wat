;; A core module with two memories, a feature that is off.
;; error: not-loadable: no valid component
;; component
(component
  (core module (memory 1) (memory 1)))
