;; Wants the file system.
(component
  (import "wasi:filesystem/types@0.2.3" (instance))
  (instance $nothing)
  (export "assay:plugin/detect@0.1.0" (instance $nothing)))
