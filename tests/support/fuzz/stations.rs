use super::target::Try;
use anyhow::Result;
use assay::config::load;

const SMALLEST: &str = r#"station = "press-3"
data_dir = "data"
bundles_dir = "bundles"
recipe = "bundles/r.assay"
trust = "/etc/assay/trust.json"
"#;

const MORE: &str = r#"
[inference]
order = ["tract", "openvino"]
threads = 2
[admin]
bind = "127.0.0.1:9000"
[journal]
image_quota_mb = 10
[journal.retention_days]
pass = 0
[queue]
frames = 8
[limits.plugin]
deadline_ms = 20
[limits.image]
max_width = 4096
[deploy]
shadow_frames = 300
on_revoked = "stop-line"
[[source]]
kind = "folder"
name = "line"
path = "in"
mode = "watch"
poll_ms = 50
after = "move"
move_to = "done"
[[source]]
kind = "http"
name = "plc"
[[alarm]]
kind = "undecided-rate"
raise = 0.05
clear = 0.02
[webhook]
url = "http://127.0.0.1:9/hook"
[mqtt]
host = "127.0.0.1"
site = "plant"
line = "press"
"#;

pub fn texts() -> Result<Vec<Vec<u8>>> {
    Ok(vec![SMALLEST.as_bytes().to_vec(), format!("{SMALLEST}{MORE}").into_bytes()])
}

pub fn reads() -> Result<Try> {
    let dir = tempfile::tempdir()?;
    Ok(Box::new(move |bytes| {
        let path = dir.path().join("station.toml");
        std::fs::write(&path, bytes)?;
        match load(&path) {
            Ok(_) => Ok(true),
            Err(errors) => {
                anyhow::ensure!(!errors.0.is_empty(), "refused without a problem");
                super::author::plain(errors.0.iter().map(ToString::to_string))?;
                Ok(false)
            }
        }
    }))
}
