;; A policy that is well behaved, `probe`: the files beside it put fields into it.
;;
;; They may define `$describe`, `$evaluate` and `$done`, which run before an
;; answer is given and after it was read; the memory, if it is not to be this
;; one; `cabi_realloc`; and data that overwrites what stands here:
;;
;;   1024 texts   2048 what `describe` answers   3072 a finding
;;   4096 what `evaluate` answers                16384 the summary
;;   32768 free
(module
  ;; IMPORTS
  ;; MEMORY
  (data (i32.const 1024) "probe")
  (data (i32.const 1056) "Probe")
  (data (i32.const 1088) "Nothing is.")
  ;; The phases: all four.
  (data (i32.const 1120) "\00\01\02\03")
  (data (i32.const 1152) "swap-on")
  ;; The horizons: the next boot.
  (data (i32.const 1184) "\01")
  (data (i32.const 1216) "it is")
  ;; id, title, rule, severity, phases, parameters, documentation
  (data (i32.const 2048)
    "\00\04\00\00\05\00\00\00" "\20\04\00\00\05\00\00\00" "\40\04\00\00\0b\00\00\00"
    "\00\00\00\00" "\60\04\00\00\04\00\00\00" "\00\00\00\00\00\00\00\00" "\00\00\00\00")
  ;; A finding of the verdict fail: id, verdict, horizons, message, evidence
  (data (i32.const 3072)
    "\80\04\00\00\07\00\00\00" "\02\00\00\00" "\a0\04\00\00\01\00\00\00"
    "\c0\04\00\00\05\00\00\00" "\00\00\00\00\00\00\00\00")
  ;; ok; now not-applicable, next boot pass; summary; no findings
  (data (i32.const 4096)
    "\00\00\00\00" "\05\00\00\00" "\00\40\00\00\0b\00\00\00" "\00\00\00\00\00\00\00\00")
  (data (i32.const 16384) "all is well")
  ;; REALLOC
  (func (export "nodepol:policy/check@0.1.0#describe") (result i32)
    (call $describe)
    (i32.const 2048))
  (func (export "nodepol:policy/check@0.1.0#evaluate")
    (param i32 i32 i32 i32) (result i32)
    (call $evaluate)
    (i32.const 4096))
  (func (export "cabi_post_nodepol:policy/check@0.1.0#evaluate") (param i32)
    (call $done))
  ;; FIELDS
)
