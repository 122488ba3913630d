;; Makes its table longer without end.
(module
  (memory (export "memory") 2)
  (table $t 1 funcref)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
  (func (export "assay:plugin/detect@0.1.0#detect") (param i32) (result i32)
    (loop (drop (table.grow $t (ref.null func) (i32.const 1000))) (br 0))
    unreachable))
