;; It exports nothing.
;; error: not-loadable: it is no policy of nodepol
;; component
(component)
