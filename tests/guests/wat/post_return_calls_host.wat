;; Calls the host while it cleans up.
(module
  (import "wasi:nn/graph@0.2.0-rc-2024-10-28" "load-by-name" (func $load (param i32 i32 i32)))
  (memory (export "memory") 2)
  (data (i32.const 256) "demo")
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
  (func (export "assay:plugin/detect@0.1.0#detect") (param i32) (result i32) (i32.const 64))
  (func (export "cabi_post_assay:plugin/detect@0.1.0#detect") (param i32)
    (call $load (i32.const 256) (i32.const 4) (i32.const 128))))
