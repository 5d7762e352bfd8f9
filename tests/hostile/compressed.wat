;; A gzip file.
;; error: not-loadable: not WebAssembly at all
;; bytes: \x1f\x8b\x08\x00
