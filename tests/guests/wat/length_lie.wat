;; A label that says it has 2 GiB.
(module
  (memory (export "memory") 2)
  (data (i32.const 68) "\80\00\00\00" "\01\00\00\00")
  (data (i32.const 128) "\00\04\00\00" "\ff\ff\ff\7f")
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
  (func (export "assay:plugin/detect@0.1.0#detect") (param i32) (result i32) (i32.const 64)))
