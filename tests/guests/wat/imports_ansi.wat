;; Wants something whose name commands the terminal of who reads it.
(component
  (import "\1b[2J\1b[1;1Hverdict: pass\nfine" (instance))
  (instance $nothing)
  (export "assay:plugin/detect@0.1.0" (instance $nothing)))
