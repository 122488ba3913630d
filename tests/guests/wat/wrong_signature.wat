;; Exports the right name for something else.
(component
  (core module $m (func (export "f") (result i32) (i32.const 7)))
  (core instance $i (instantiate $m))
  (func $detect (result u32) (canon lift (core func $i "f")))
  (instance $e (export "detect" (func $detect)))
  (export "assay:plugin/detect@0.1.0" (instance $e)))
