;; 200 findings that share one list of 1,000 attributes that share one text of 32 KB: 13 GB once they are read.
(module
  (memory (export "memory") 4)
  ;; findings: 200 from 65536
  (data (i32.const 68) "\00\00\01\00" "\c8\00\00\00")
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
  (func (export "assay:plugin/detect@0.1.0#detect") (param i32) (result i32) (local $at i32)
    (local.set $at (i32.const 65536))
    (loop
      ;; the finding's attributes: 1,000 from 131072
      (i32.store offset=48 (local.get $at) (i32.const 131072))
      (i32.store offset=52 (local.get $at) (i32.const 1000))
      (local.set $at (i32.add (local.get $at) (i32.const 56)))
      (br_if 0 (i32.lt_u (local.get $at) (i32.const 76736))))
    (local.set $at (i32.const 131072))
    (loop
      ;; the attribute's value: 32 KB from 196608
      (i32.store offset=8 (local.get $at) (i32.const 196608))
      (i32.store offset=12 (local.get $at) (i32.const 32768))
      (local.set $at (i32.add (local.get $at) (i32.const 16)))
      (br_if 0 (i32.lt_u (local.get $at) (i32.const 147072))))
    (i32.const 64)))
