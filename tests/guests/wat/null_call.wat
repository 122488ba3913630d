;; Calls an empty element of its table.
(module
  (memory (export "memory") 2)
  (table $t 4 funcref)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
  (func (export "assay:plugin/detect@0.1.0#detect") (param i32) (result i32) (call_indirect (result i32) (i32.const 2))))
