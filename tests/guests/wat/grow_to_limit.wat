;; Takes page after page and writes to each.
(module
  (memory (export "memory") 2)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
  (func (export "assay:plugin/detect@0.1.0#detect") (param i32) (result i32) (local $page i32)
    (loop
      (local.set $page (memory.grow (i32.const 1)))
      (i32.store (i32.mul (local.get $page) (i32.const 65536)) (i32.const 7))
      (br 0))
    unreachable))
