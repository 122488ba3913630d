//! The `imaging` interface: checks of arguments and of the byte budget around `crate::imaging`.
//!
//! Every result's size is known from its dimensions, so the budget is checked before a byte is allocated.

use super::bindings::imaging::{self, ImageInfo, ImagingError, PixelFormat, ResizeFilter, Statistics, TensorSpec};
use super::bindings::types::Region;
use super::convert;
use super::failure::Refusal;
use super::host_calls::HostFunction;
use super::op_cost::Costly;
use super::resources::{ImageEntry, TensorEntry};
use super::state::CallState;
use crate::domain::{self, BufferPool, Image, Tensor};
use crate::imaging::{self as ops, OpError};
use wasmtime::component::Resource;

/// Pictures in one batch.
const MAX_BATCH: usize = 64;

type Answer<T> = wasmtime::Result<Result<T, ImagingError>>;

fn invalid(detail: impl Into<String>) -> ImagingError {
    ImagingError::InvalidArgument(detail.into())
}

fn of_op(error: &OpError) -> ImagingError {
    match error {
        OpError::InvalidArgument { .. } => invalid(error.to_string()),
        OpError::Internal { .. } => ImagingError::Other(error.to_string()),
    }
}

impl CallState {
    fn image(&self, handle: &Resource<ImageEntry>) -> wasmtime::Result<Image> {
        Ok(self.table.get(handle)?.image.clone())
    }

    /// Charges `bytes` and remembers a refusal as the likely cause of what the plugin does next.
    fn charge(&mut self, bytes: usize) -> Result<(), Refusal> {
        let charged = self.ledger.charge(bytes as u64);
        self.causes.budget = charged.as_ref().err().cloned();
        charged
    }

    /// Makes a picture of known size within the budget.
    fn make_image(
        &mut self,
        (width, height, format): (u32, u32, domain::PixelFormat),
        op: impl FnOnce(&BufferPool) -> Result<Image, OpError>,
    ) -> Answer<Resource<ImageEntry>> {
        let Some(bytes) = Image::byte_len(width, height, format) else {
            return Ok(Err(invalid(format!("{width}x{height} is larger than this machine can address"))));
        };
        if let Err(refusal) = self.charge(bytes) {
            return Ok(Err(ImagingError::Limit(refusal.detail)));
        }
        let made = op(&self.shared.pool);
        match made {
            Ok(image) => Ok(Ok(self.table.push(ImageEntry { image, charged: bytes as u64, lent: false })?)),
            Err(error) => {
                self.ledger.release(bytes as u64);
                Ok(Err(of_op(&error)))
            }
        }
    }

    /// An operation whose result has the size and format of its picture.
    fn same_size(
        &mut self,
        function: HostFunction,
        handle: &Resource<ImageEntry>,
        op: impl FnOnce(&Image, &BufferPool) -> Result<Image, OpError>,
    ) -> Answer<Resource<ImageEntry>> {
        self.timed(function, |state| {
            let image = state.image(handle)?;
            state.make_image((image.width(), image.height(), image.format()), |pool| op(&image, pool))
        })
    }

    fn make_tensor(&mut self, images: &[&Image], spec: &TensorSpec) -> Answer<Resource<TensorEntry>> {
        let spec = convert::tensor_spec(spec);
        let needed = ops::tensor_shape(images, &spec).map(|(shape, ty)| Tensor::needed_bytes(&shape, ty));
        let bytes = match needed {
            Ok(Ok(bytes)) => bytes,
            Ok(Err(error)) => return Ok(Err(invalid(error.to_string()))),
            Err(error) => return Ok(Err(of_op(&error))),
        };
        if let Err(refusal) = self.charge(bytes) {
            return Ok(Err(ImagingError::Limit(refusal.detail)));
        }
        match ops::to_tensor(images, &spec) {
            Ok(tensor) => Ok(Ok(self.push_tensor(tensor, bytes, false)?)),
            Err(error) => {
                self.ledger.release(bytes as u64);
                Ok(Err(of_op(&error)))
            }
        }
    }

    /// Puts a tensor into the table that is already charged.
    pub(super) fn push_tensor(
        &mut self,
        tensor: Tensor,
        bytes: usize,
        unchecked: bool,
    ) -> wasmtime::Result<Resource<TensorEntry>> {
        self.table.push(TensorEntry { tensor, charged: bytes as u64, lent: false, unchecked })
    }

    /// Charges a tensor where the interface has no error to give back: over the limit the call ends.
    pub(super) fn charge_or_end(&mut self, bytes: usize) -> wasmtime::Result<()> {
        Ok(self.charge(bytes)?)
    }

    fn read(
        &mut self,
        function: HostFunction,
        handle: &Resource<ImageEntry>,
        bytes: impl FnOnce(&Image) -> Option<usize>,
        op: impl FnOnce(&Image) -> Result<Vec<u8>, OpError>,
    ) -> Answer<Vec<u8>> {
        self.timed(function, |state| {
            let image = state.image(handle)?;
            let Some(bytes) = bytes(&image) else {
                return Ok(Err(invalid("the region is larger than this machine can address")));
            };
            if let Err(refusal) = state.check_copy(bytes) {
                let detail = refusal.detail.clone();
                state.causes.budget = Some(refusal);
                return Ok(Err(ImagingError::Limit(detail)));
            }
            let read = op(&image);
            state.host_calls.copied(read.as_ref().map_or(0, Vec::len));
            Ok(read.map_err(|error| of_op(&error)))
        })
    }
}

impl imaging::HostImage for CallState {
    fn from_pixels(
        &mut self,
        width: u32,
        height: u32,
        format: PixelFormat,
        pixels: Vec<u8>,
    ) -> Answer<Resource<ImageEntry>> {
        self.host_calls.copied(pixels.len());
        let format = convert::pixel_format(format);
        self.timed(HostFunction::FromPixels, |state| {
            state.make_image((width, height, format), |pool| ops::from_pixels(width, height, format, &pixels, pool))
        })
    }

    fn filled(&mut self, width: u32, height: u32, format: PixelFormat, value: Vec<u8>) -> Answer<Resource<ImageEntry>> {
        let format = convert::pixel_format(format);
        self.timed(HostFunction::Filled, |state| {
            state.make_image((width, height, format), |pool| ops::filled(width, height, format, &value, pool))
        })
    }

    fn info(&mut self, handle: Resource<ImageEntry>) -> wasmtime::Result<ImageInfo> {
        self.host_calls.called(HostFunction::Info);
        let image = &self.table.get(&handle)?.image;
        let format = convert::pixel_format_out(image.format());
        Ok(ImageInfo { width: image.width(), height: image.height(), format })
    }

    fn read_region(&mut self, handle: Resource<ImageEntry>, region: Region) -> Answer<Vec<u8>> {
        let region = convert::region(region);
        self.read(
            HostFunction::ReadRegion,
            &handle,
            |image| Image::byte_len(region.width, region.height, image.format()),
            |image| ops::read_region(image, &region),
        )
    }

    fn read_rows(&mut self, handle: Resource<ImageEntry>, first: u32, count: u32) -> Answer<Vec<u8>> {
        self.read(
            HostFunction::ReadRows,
            &handle,
            |image| Image::byte_len(image.width(), count, image.format()),
            |image| ops::read_rows(image, first, count).map(<[u8]>::to_vec),
        )
    }

    fn crop(&mut self, handle: Resource<ImageEntry>, region: Region) -> Answer<Resource<ImageEntry>> {
        let region = convert::region(region);
        self.timed(HostFunction::Crop, |state| {
            let image = state.image(&handle)?;
            let size = (region.width, region.height, image.format());
            state.make_image(size, |pool| ops::crop(&image, &region, pool))
        })
    }

    fn resize(
        &mut self,
        handle: Resource<ImageEntry>,
        width: u32,
        height: u32,
        filter: ResizeFilter,
    ) -> Answer<Resource<ImageEntry>> {
        let filter = convert::resize_filter(filter);
        self.begin(&handle, Costly::Resize { width, height, filter })?;
        self.timed(HostFunction::Resize, |state| {
            let image = state.image(&handle)?;
            let size = (width, height, image.format());
            state.make_image(size, |pool| ops::resize(&image, width, height, filter, pool))
        })
    }

    fn overlay(
        &mut self,
        handle: Resource<ImageEntry>,
        top: Resource<ImageEntry>,
        x: u32,
        y: u32,
    ) -> Answer<Resource<ImageEntry>> {
        let top = self.image(&top)?;
        self.same_size(HostFunction::Overlay, &handle, |image, pool| ops::overlay(image, &top, x, y, pool))
    }

    fn convert(&mut self, handle: Resource<ImageEntry>, format: PixelFormat) -> Answer<Resource<ImageEntry>> {
        let format = convert::pixel_format(format);
        self.timed(HostFunction::Convert, |state| {
            let image = state.image(&handle)?;
            let size = (image.width(), image.height(), format);
            state.make_image(size, |pool| ops::convert(&image, format, pool))
        })
    }

    fn gaussian_blur(&mut self, handle: Resource<ImageEntry>, sigma: f32) -> Answer<Resource<ImageEntry>> {
        self.begin(&handle, Costly::Gaussian { sigma })?;
        self.same_size(HostFunction::GaussianBlur, &handle, |image, pool| ops::gaussian_blur(image, sigma, pool))
    }

    fn median_blur(&mut self, handle: Resource<ImageEntry>, size: u32) -> Answer<Resource<ImageEntry>> {
        self.begin(&handle, Costly::Median { size })?;
        self.same_size(HostFunction::MedianBlur, &handle, |image, pool| ops::median_blur(image, size, pool))
    }

    fn reduce_bit_depth(&mut self, handle: Resource<ImageEntry>, bits: u32) -> Answer<Resource<ImageEntry>> {
        self.same_size(HostFunction::ReduceBitDepth, &handle, |image, pool| ops::reduce_bit_depth(image, bits, pool))
    }

    fn jpeg_round_trip(&mut self, handle: Resource<ImageEntry>, quality: u32) -> Answer<Resource<ImageEntry>> {
        self.begin(&handle, Costly::JpegRoundTrip)?;
        self.same_size(HostFunction::JpegRoundTrip, &handle, |image, pool| ops::jpeg_round_trip(image, quality, pool))
    }

    fn histogram(&mut self, handle: Resource<ImageEntry>) -> wasmtime::Result<Vec<u64>> {
        self.timed(HostFunction::Histogram, |state| {
            let counts = ops::histogram(&state.image(&handle)?);
            state.host_calls.copied(size_of_val(&counts));
            Ok(counts.to_vec())
        })
    }

    fn statistics(&mut self, handle: Resource<ImageEntry>) -> wasmtime::Result<Statistics> {
        self.timed(HostFunction::Statistics, |state| Ok(convert::statistics(ops::statistics(&state.image(&handle)?))))
    }

    fn to_tensor(&mut self, handle: Resource<ImageEntry>, spec: TensorSpec) -> Answer<Resource<TensorEntry>> {
        self.timed(HostFunction::ToTensor, |state| {
            let image = state.image(&handle)?;
            state.make_tensor(&[&image], &spec)
        })
    }

    fn drop(&mut self, handle: Resource<ImageEntry>) -> wasmtime::Result<()> {
        self.drop_image(&handle)
    }
}

impl imaging::Host for CallState {
    fn batch_to_tensor(
        &mut self,
        handles: Vec<Resource<ImageEntry>>,
        spec: TensorSpec,
    ) -> Answer<Resource<TensorEntry>> {
        if handles.len() > MAX_BATCH {
            let found = handles.len();
            return Ok(Err(invalid(format!("a batch of {found} pictures, at most {MAX_BATCH} are allowed"))));
        }
        self.timed(HostFunction::BatchToTensor, |state| {
            let images: Vec<Image> =
                handles.iter().map(|handle| state.image(handle)).collect::<wasmtime::Result<_>>()?;
            let images: Vec<&Image> = images.iter().collect();
            state.make_tensor(&images, &spec)
        })
    }
}
