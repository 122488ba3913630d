;; Fills its whole memory without end: one instruction is one fill.
(module
  (memory (export "memory") 480)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
  (func (export "assay:plugin/detect@0.1.0#detect") (param i32) (result i32)
    (loop (memory.fill (i32.const 0) (i32.const 7) (i32.const 31457280)) (br 0))
    unreachable))
