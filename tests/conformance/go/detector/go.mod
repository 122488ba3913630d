module example/conformance-detector

go 1.25

require assay v0.0.0

replace assay => ../../../../sdk/go
