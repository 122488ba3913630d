use anyhow::Context as _;
use std::fs::OpenOptions;
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// The station's own secret: made at the first start, readable by the station alone. It authenticates compiled code.
pub fn load_or_make(path: &Path) -> anyhow::Result<[u8; 32]> {
    match OpenOptions::new().read(true).open(path) {
        Ok(mut file) => {
            let mut secret = [0u8; 33];
            let mut length = 0;
            while let Some(rest) = secret.get_mut(length..).filter(|rest| !rest.is_empty()) {
                match file.read(rest).with_context(|| format!("cannot read {}", path.display()))? {
                    0 => break,
                    count => length += count,
                }
            }
            let secret = (length == 32).then(|| secret.first_chunk().copied()).flatten();
            secret.with_context(|| {
                format!("{} holds {length} bytes, expected 32: delete it and a new one is made", path.display())
            })
        }
        Err(error) if error.kind() == ErrorKind::NotFound => make(path),
        Err(error) => Err(error).with_context(|| format!("cannot open {}", path.display())),
    }
}

fn make(path: &Path) -> anyhow::Result<[u8; 32]> {
    let mut secret = [0u8; 32];
    getrandom::fill(&mut secret).map_err(|error| anyhow::anyhow!("the system gives no random bytes: {error}"))?;
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("cannot make {}", path.display()))?;
    file.write_all(&secret)
        .and_then(|()| file.sync_all())
        .with_context(|| format!("cannot write {}", path.display()))?;
    Ok(secret)
}
