;; An error of a kind that does not exist.
(module
  (memory (export "memory") 2)
  (data (i32.const 64) "\01")
  (data (i32.const 68) "\63")
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
  (func (export "assay:plugin/detect@0.1.0#detect") (param i32) (result i32) (i32.const 64)))
