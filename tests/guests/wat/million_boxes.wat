;; A million findings.
(module
  (memory (export "memory") 900)
  ;; findings: 1,000,000 from 65536
  (data (i32.const 68) "\00\00\01\00" "\40\42\0f\00")
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
  (func (export "assay:plugin/detect@0.1.0#detect") (param i32) (result i32) (i32.const 64)))
