;; Speaks UTF-16, and a label that is half a character.
(module
  (memory (export "memory") 2)
  (data (i32.const 68) "\80\00\00\00" "\01\00\00\00")
  (data (i32.const 128) "\00\01\00\00" "\01\00\00\00")
  (data (i32.const 256) "\00\d8")
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
  (func (export "assay:plugin/detect@0.1.0#detect") (param i32) (result i32) (i32.const 64)))
