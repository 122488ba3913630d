use std::sync::{Arc, Mutex, PoisonError};

/// How pixels lie in a buffer. Rows are packed: no padding between them, top row first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PixelFormat {
    /// One byte per pixel.
    Gray8,
    /// Three bytes per pixel: red, green, blue.
    Rgb8,
    /// Three bytes per pixel: blue, green, red.
    Bgr8,
    /// Four bytes per pixel: red, green, blue, alpha.
    Rgba8,
    /// Two bytes per pixel, little-endian.
    Gray16,
}

impl PixelFormat {
    #[must_use]
    pub const fn bytes_per_pixel(self) -> usize {
        match self {
            Self::Gray8 => 1,
            Self::Gray16 => 2,
            Self::Rgb8 | Self::Bgr8 => 3,
            Self::Rgba8 => 4,
        }
    }

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gray8 => "gray8",
            Self::Rgb8 => "rgb8",
            Self::Bgr8 => "bgr8",
            Self::Rgba8 => "rgba8",
            Self::Gray16 => "gray16",
        }
    }
}

/// The bytes do not make the picture they are said to make.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    #[error("a picture needs a width and a height of at least 1, found {width}x{height}")]
    Empty { width: u32, height: u32 },
    #[error("{width}x{height} {format} needs {needed} bytes, found {found}")]
    WrongLength { width: u32, height: u32, format: &'static str, needed: usize, found: usize },
    #[error("{width}x{height} is larger than this machine can address")]
    TooLarge { width: u32, height: u32 },
}

/// An immutable picture. Cloning shares the pixels.
#[derive(Clone)]
pub struct Image {
    width: u32,
    height: u32,
    format: PixelFormat,
    pixels: Arc<PixelBuffer>,
}

impl Image {
    /// Takes `pixels` as a packed picture of `width` x `height` pixels.
    ///
    /// # Errors
    /// When a side is 0 or the buffer's length is not `width * height * bytes_per_pixel`.
    pub fn new(width: u32, height: u32, format: PixelFormat, pixels: PixelBuffer) -> Result<Self, ImageError> {
        if width == 0 || height == 0 {
            return Err(ImageError::Empty { width, height });
        }
        let needed = Self::byte_len(width, height, format).ok_or(ImageError::TooLarge { width, height })?;
        let found = pixels.as_slice().len();
        if needed != found {
            return Err(ImageError::WrongLength { width, height, format: format.name(), needed, found });
        }
        Ok(Self { width, height, format, pixels: Arc::new(pixels) })
    }

    /// Bytes that a packed picture takes; `None` where that overflows.
    #[must_use]
    pub fn byte_len(width: u32, height: u32, format: PixelFormat) -> Option<usize> {
        (width as usize).checked_mul(height as usize)?.checked_mul(format.bytes_per_pixel())
    }

    #[must_use]
    pub const fn width(&self) -> u32 {
        self.width
    }

    #[must_use]
    pub const fn height(&self) -> u32 {
        self.height
    }

    #[must_use]
    pub const fn format(&self) -> PixelFormat {
        self.format
    }

    /// Whether both are one picture in memory; two pictures of equal pixels are not.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.pixels, &other.pixels)
    }

    /// All bytes, row by row.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.pixels.as_slice()
    }
}

impl std::fmt::Debug for Image {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Image({}x{} {})", self.width, self.height, self.format.name())
    }
}

/// Owned pixel bytes. A buffer taken from a [`BufferPool`] goes back to it when dropped.
pub struct PixelBuffer {
    bytes: Vec<u8>,
    home: Option<Arc<PoolShared>>,
}

impl PixelBuffer {
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        &self.bytes
    }

    pub fn as_mut_slice(&mut self) -> &mut [u8] {
        &mut self.bytes
    }
}

impl From<Vec<u8>> for PixelBuffer {
    fn from(bytes: Vec<u8>) -> Self {
        Self { bytes, home: None }
    }
}

impl Drop for PixelBuffer {
    fn drop(&mut self) {
        if let Some(home) = self.home.take() {
            home.put_back(std::mem::take(&mut self.bytes));
        }
    }
}

/// Free buffers together are at most as large as so many of the largest that are kept.
const MAX_LARGE_BUFFERS: usize = 8;

/// Keeps freed pixel buffers for the next frame, so that a steady line allocates nothing for pixels.
///
/// Bounded: at most `max_buffers` free buffers of at most `max_buffer_bytes` each, and of at most eight times
/// `max_buffer_bytes` together, are kept. Plugins choose the sizes, so the number alone would bound nothing.
#[derive(Clone)]
pub struct BufferPool {
    shared: Arc<PoolShared>,
}

struct PoolShared {
    free: Mutex<Vec<Vec<u8>>>,
    max_buffers: usize,
    max_buffer_bytes: usize,
}

impl PoolShared {
    fn put_back(&self, bytes: Vec<u8>) {
        if bytes.capacity() > self.max_buffer_bytes {
            return;
        }
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let kept: usize = free.iter().map(Vec::capacity).sum();
        let room = self.max_buffer_bytes.saturating_mul(MAX_LARGE_BUFFERS);
        if free.len() < self.max_buffers && kept.saturating_add(bytes.capacity()) <= room {
            free.push(bytes);
        }
    }

    /// The smallest free buffer that is large enough, else the last: it grows.
    fn take(&self, len: usize) -> Vec<u8> {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = free.iter().enumerate().filter(|(_, bytes)| bytes.capacity() >= len);
        match fits.min_by_key(|(_, bytes)| bytes.capacity()).map(|(index, _)| index) {
            Some(index) => free.swap_remove(index),
            None => free.pop().unwrap_or_default(),
        }
    }
}

impl BufferPool {
    #[must_use]
    pub fn new(max_buffers: usize, max_buffer_bytes: usize) -> Self {
        let free = Mutex::new(Vec::with_capacity(max_buffers));
        Self { shared: Arc::new(PoolShared { free, max_buffers, max_buffer_bytes }) }
    }

    /// A buffer of exactly `len` bytes. Its contents are unspecified (old pixels or zeroes): write all of it.
    #[must_use]
    pub fn take(&self, len: usize) -> PixelBuffer {
        let mut bytes = self.shared.take(len);
        bytes.resize(len, 0);
        PixelBuffer { bytes, home: Some(Arc::clone(&self.shared)) }
    }

    /// Bytes of the free buffers.
    #[must_use]
    pub fn kept_bytes(&self) -> usize {
        self.shared.free.lock().unwrap_or_else(PoisonError::into_inner).iter().map(Vec::capacity).sum()
    }
}
