;; An empty file.
;; error: not-loadable: not WebAssembly at all
;; bytes
