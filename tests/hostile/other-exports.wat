;; It exports something else as well.
;; error: not-loadable: it exports `acme:x/y@1.0.0`
;; component
(component
  (instance $i)
  (export "acme:x/y@1.0.0" (instance $i)))
