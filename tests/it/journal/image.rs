//! What a power cut leaves of a disk: from what was there before and all that happened since.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// A file, whatever its name is at the moment.
pub type Inode = usize;

/// One thing that happened on the disk, in order. Paths are relative to its root.
#[derive(Debug, Clone)]
pub enum Event {
    Create {
        path: String,
        inode: Inode,
    },
    Folder {
        path: String,
    },
    Rename {
        from: String,
        to: String,
        inode: Inode,
    },
    Remove {
        path: String,
    },
    Write {
        inode: Inode,
        at: usize,
        bytes: Vec<u8>,
    },
    Truncate {
        inode: Inode,
        len: usize,
    },
    /// The bytes of a file are on the disk.
    Flush {
        inode: Inode,
    },
    /// They are not, and the system will not try again: it believes they are.
    FlushFailed {
        inode: Inode,
    },
    /// The names in a folder are on the disk.
    FlushFolder {
        path: String,
    },
    /// The test was told that this row is on the disk; with the frame when it is an inspection.
    Confirmed {
        row: i64,
        frame: Option<(u64, u64)>,
    },
}

/// What becomes of that which was not flushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unflushed {
    /// All of it is gone.
    Gone,
    /// Names are there, bytes are not.
    NamesOnly,
    /// Any 512 bytes of it are there or not, and any name.
    Torn,
    /// Any write is there or not as a whole, and any name: as if they had changed places.
    Reordered,
}

impl Unflushed {
    pub const ALL: [Self; 4] = [Self::Gone, Self::NamesOnly, Self::Torn, Self::Reordered];
}

/// A small generator of numbers that look random: a failed run is the same again.
#[derive(Debug, Clone)]
pub struct Dice(pub u64);

impl Dice {
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit.max(1)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    Folder,
    File(Inode),
}

/// Names and bytes on a disk.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Image {
    pub names: BTreeMap<String, Entry>,
    pub files: BTreeMap<Inode, Vec<u8>>,
}

impl Image {
    /// Makes these files below `root`. What lies in a folder that is not there is not there either.
    pub fn write_to(&self, root: &Path) {
        for (path, entry) in &self.names {
            let target = root.join(path);
            if !target.parent().unwrap().is_dir() {
                continue;
            }
            match entry {
                Entry::Folder => fs::create_dir(target).unwrap(),
                Entry::File(inode) => fs::write(target, self.files.get(inode).map_or(&[][..], Vec::as_slice)).unwrap(),
            }
        }
    }

    fn apply_name(&mut self, event: &Event) {
        match event {
            Event::Create { path, inode } => {
                self.names.insert(path.clone(), Entry::File(*inode));
            }
            Event::Folder { path } => {
                self.names.insert(path.clone(), Entry::Folder);
            }
            Event::Rename { from, to, inode } => {
                if self.names.get(from) == Some(&Entry::File(*inode)) {
                    self.names.remove(from);
                }
                self.names.insert(to.clone(), Entry::File(*inode));
            }
            Event::Remove { path } => {
                self.names.remove(path);
            }
            _ => {}
        }
    }

    /// Applies a change of bytes, in parts of `part` bytes, where `keep` says so.
    fn apply_bytes(&mut self, event: &Event, part: usize, keep: &mut dyn FnMut() -> bool) {
        match event {
            Event::Truncate { inode, len } if keep() => self.files.entry(*inode).or_default().resize(*len, 0),
            Event::Write { inode, at, bytes } => {
                let file = self.files.entry(*inode).or_default();
                for (index, piece) in bytes.chunks(part).enumerate() {
                    if keep() {
                        let from = at + index * part;
                        file.resize(file.len().max(from + piece.len()), 0);
                        file[from..from + piece.len()].copy_from_slice(piece);
                    }
                }
            }
            _ => {}
        }
    }
}

/// A disk on its way: what is on it for good, and what waits to be flushed.
pub struct Model<'e> {
    pub durable: Image,
    bytes: BTreeMap<Inode, Vec<&'e Event>>,
    names: Vec<&'e Event>,
    dice: Dice,
}

impl<'e> Model<'e> {
    pub fn new(base: Image) -> Self {
        Self { durable: base, bytes: BTreeMap::new(), names: Vec::new(), dice: Dice(5) }
    }

    pub fn play(&mut self, event: &'e Event) {
        match event {
            Event::Write { inode, .. } | Event::Truncate { inode, .. } => {
                self.bytes.entry(*inode).or_default().push(event);
            }
            Event::Flush { inode } => {
                for change in self.bytes.remove(inode).unwrap_or_default() {
                    self.durable.apply_bytes(change, usize::MAX, &mut || true);
                }
            }
            Event::FlushFailed { inode } => {
                let (durable, dice) = (&mut self.durable, &mut self.dice);
                for change in self.bytes.remove(inode).unwrap_or_default() {
                    durable.apply_bytes(change, 512, &mut || dice.below(2) == 0);
                }
            }
            Event::FlushFolder { path } => self.flush_names(path),
            Event::Confirmed { .. } => {}
            _ => self.names.push(event),
        }
    }

    fn flush_names(&mut self, folder: &str) {
        let (durable, waiting) = (&mut self.durable, std::mem::take(&mut self.names));
        let mut moved = Vec::new();
        for event in waiting {
            let name = match event {
                Event::Rename { to, .. } => to,
                Event::Create { path, .. } | Event::Folder { path } | Event::Remove { path } => path,
                _ => continue,
            };
            if parent(name) == folder {
                durable.apply_name(event);
                if let Event::Rename { inode, .. } = event {
                    moved.push(*inode);
                }
            } else {
                self.names.push(event);
            }
        }
        // A file that is under its new name for good has lost its old one with it.
        self.names.retain(|event| !matches!(event, Event::Create { inode, .. } if moved.contains(inode)));
    }

    /// What a power cut at this moment leaves.
    pub fn cut(&self, unflushed: Unflushed, dice: &mut Dice) -> Image {
        let mut image = self.durable.clone();
        // Few, half or most of what waits is there.
        let most = [1, 4, 7][dice.below(3) as usize];
        let keep = |dice: &mut Dice| dice.below(8) < most;
        for event in &self.names {
            if unflushed == Unflushed::NamesOnly || (unflushed != Unflushed::Gone && keep(dice)) {
                image.apply_name(event);
            }
        }
        let part = match unflushed {
            Unflushed::Gone | Unflushed::NamesOnly => return image,
            Unflushed::Torn => 512,
            Unflushed::Reordered => usize::MAX,
        };
        for event in self.bytes.values().flatten() {
            image.apply_bytes(event, part, &mut || keep(dice));
        }
        image
    }
}

/// The folder that holds `path`; the root is the empty text.
pub fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}
