;; Exports a function that may wait.
(component
  (core module $m
    (memory (export "memory") 1)
    (func (export "f") (result i32) (i32.const 0))
    (func (export "callback") (param i32 i32 i32) (result i32) (i32.const 0)))
  (core instance $i (instantiate $m))
  (func $detect async (canon lift (core func $i "f") async (callback (core func $i "callback"))))
  (instance $e (export "detect" (func $detect)))
  (export "assay:plugin/detect@0.1.0" (instance $e)))
