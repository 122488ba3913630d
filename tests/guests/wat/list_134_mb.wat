;; A label of 134 MB, all of it there.
(module
  (memory (export "memory") 2100)
  ;; ok; one finding at 128
  (data (i32.const 68) "\80\00\00\00" "\01\00\00\00")
  ;; its label: 2^27 bytes from 65536
  (data (i32.const 128) "\00\00\01\00" "\00\00\00\08")
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
  (func (export "assay:plugin/detect@0.1.0#detect") (param i32) (result i32) (i32.const 64)))
