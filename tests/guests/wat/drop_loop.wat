;; Drops a resource of its own whose destructor never ends.
(component
  (import "wasi:nn/tensor@0.2.0-rc-2024-10-28" (instance $tensors (export "tensor" (type (sub resource)))))
  (alias export $tensors "tensor" (type $tensor))
  (import "assay:plugin/imaging@0.1.0" (instance $imaging (export "image" (type (sub resource)))))
  (alias export $imaging "image" (type $image))

  (type $region' (record (field "x" u32) (field "y" u32) (field "width" u32) (field "height" u32)))
  (export $region "region" (type $region'))
  (type $finding' (record
    (field "label" string)
    (field "score" f32)
    (field "raised" bool)
    (field "region" (option $region))
    (field "text" (option string))
    (field "attributes" (list (tuple string string)))))
  (export $finding "finding" (type $finding'))
  (type $frame' (record
    (field "station" string)
    (field "boot" u64)
    (field "trigger" u64)
    (field "captured-at-us" s64)
    (field "source" string)
    (field "product" (option string))
    (field "serial" (option string))
    (field "attributes" (list (tuple string string)))))
  (export $frame "frame-info" (type $frame'))
  (type $error' (variant
    (case "unsupported-input" string) (case "bad-setting" string) (case "inference" string) (case "other" string)))
  (export $error "plugin-error" (type $error'))
  (type $evidence' (record
    (field "picture" (own $image))
    (field "inputs" (list (tuple string (own $tensor))))
    (field "outputs" (list (tuple string (own $tensor))))
    (field "attributes" (list (tuple string string)))))
  (export $evidence "evidence" (type $evidence'))
  (type $detection' (record
    (field "findings" (list $finding))
    (field "images" (list (tuple string (own $image))))
    (field "attributes" (list (tuple string string)))))
  (export $detection "detection" (type $detection'))

  (core module $d (func (export "dtor") (param i32) (loop (br 0))))
  (core instance $di (instantiate $d))
  (type $r (resource (rep i32) (dtor (core func $di "dtor"))))
  (core func $new (canon resource.new $r))
  (core func $drop (canon resource.drop $r))

  (core module $m
    (import "r" "new" (func $new (param i32) (result i32)))
    (import "r" "drop" (func $drop (param i32)))
    (memory (export "memory") 2)
    (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
    (func (export "detect") (param i32) (result i32)
      (call $drop (call $new (i32.const 1)))
      (i32.const 64)))
  (core instance $mi (instantiate $m
    (with "r" (instance (export "new" (func $new)) (export "drop" (func $drop))))))
  (func $detect (param "frame" $frame) (param "evidence" $evidence) (result (result $detection (error $error)))
    (canon lift (core func $mi "detect") (memory (core memory $mi "memory")) (realloc (core func $mi "cabi_realloc"))))
  (instance $e (export "detect" (func $detect)))
  (export "assay:plugin/detect@0.1.0" (instance $e)))
