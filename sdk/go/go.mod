module assay

go 1.25
