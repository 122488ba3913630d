//! The SDKs and the WIT are embedded in the binary: a file that is added there has to be noticed.

fn main() {
    for folder in ["rust", "c", "cpp", "zig", "python", "js", "go"] {
        println!("cargo:rerun-if-changed=../sdk/{folder}");
    }
    println!("cargo:rerun-if-changed=../wit");
}
