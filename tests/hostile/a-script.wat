;; A shell script.
;; error: not-loadable: not WebAssembly at all
;; bytes: #!/bin/sh\nexec touch /tmp/owned\n
