;; Components in components, a hundred deep.
;; error: not-loadable: more than 32 nested components
;; component
;; repeat 100: (component
;; repeat 100: )
