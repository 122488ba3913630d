;; A tensor of a type that does not exist.
(module
  (import "wasi:nn/tensor@0.2.0-rc-2024-10-28" "[constructor]tensor"
    (func $tensor (param i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (data (i32.const 256) "\01\00\00\00")
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
  (func (export "assay:plugin/detect@0.1.0#detect") (param i32) (result i32)
    (drop (call $tensor (i32.const 256) (i32.const 1) (i32.const 99) (i32.const 256) (i32.const 1)))
    (i32.const 64)))
