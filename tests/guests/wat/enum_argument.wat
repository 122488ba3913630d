;; Logs at a level that does not exist.
(module
  (import "assay:plugin/log@0.1.0" "log" (func $log (param i32 i32 i32)))
  (memory (export "memory") 2)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
  (func (export "assay:plugin/detect@0.1.0#detect") (param i32) (result i32)
    (call $log (i32.const 99) (i32.const 0) (i32.const 0))
    (i32.const 64)))
