;; Starts with all the memory that 32 bits can address.
(module
  (memory (export "memory") 65536)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
  (func (export "assay:plugin/detect@0.1.0#detect") (param i32) (result i32) (i32.const 64)))
