;; The header of a component, and then noise.
;; error: not-loadable: no valid component
;; bytes: \x00asm\x0d\x00\x01\x00\xff\xff\xff\xff\xff\xff\xff\xff
