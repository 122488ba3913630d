;; Logs a line that lies outside its memory.
(module
  (import "assay:plugin/log@0.1.0" "log" (func $log (param i32 i32 i32)))
  (memory (export "memory") 2)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
  (func (export "assay:plugin/detect@0.1.0#detect") (param i32) (result i32)
    (call $log (i32.const 1) (i32.const 131000) (i32.const 1000))
    (i32.const 64)))
