;; A core module in place of a component.
;; error: not-loadable: core WebAssembly module
;; component
(module (func (export "describe")) (func (export "evaluate")))
