;; A list of findings at an odd address.
(module
  (memory (export "memory") 2)
  (data (i32.const 68) "\81\00\00\00" "\01\00\00\00")
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
  (func (export "assay:plugin/detect@0.1.0#detect") (param i32) (result i32) (i32.const 64)))
