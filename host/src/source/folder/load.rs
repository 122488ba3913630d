use super::listing::Folder;
use super::read::read;
use std::path::Path;
use std::sync::Arc;

/// Pictures that are held in memory at one time.
const MAX_LOADED_FILES: usize = 256;
const MAX_LOADED_BYTES: u64 = 512 << 20;

/// A picture's name and content.
pub type LoadedPicture = (String, Arc<[u8]>);

/// Reads the pictures of a folder into memory, in order of name: for sources that must not wait for a disk.
///
/// # Errors
/// In words: where the folder or one of its pictures cannot be read, or there are none, or too many.
pub fn load_pictures(path: &Path, max_file_bytes: u64) -> Result<Vec<LoadedPicture>, String> {
    let folder = Folder::open(path)?;
    let mut left = MAX_LOADED_BYTES;
    let mut pictures = Vec::new();
    for name in folder.all_up_to(MAX_LOADED_FILES)?.keys() {
        let shown = name.to_string_lossy().into_owned();
        let file =
            read(&folder, name, None, max_file_bytes.min(left)).map_err(|error| format!("{shown:?}: {error}"))?;
        left = left.saturating_sub(file.bytes.len() as u64);
        pictures.push((shown, file.bytes));
    }
    if pictures.is_empty() {
        return Err("there is no picture in it".to_owned());
    }
    Ok(pictures)
}
