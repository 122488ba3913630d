;; Wants a log that this station does not have yet.
(component
  (import "assay:plugin/log@0.9.0" (instance))
  (instance $nothing)
  (export "assay:plugin/detect@0.1.0" (instance $nothing)))
