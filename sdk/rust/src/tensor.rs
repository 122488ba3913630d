use crate::bindings::imports::wasi::nn::tensor::{Tensor as Handle, TensorType};
use crate::error::{Error, Result};
use std::fmt;

/// A tensor that the host holds. Making one from numbers copies them out once, reading copies them in once; handing
/// one on (to a model, to the stages behind) copies nothing.
pub struct Tensor(Handle);

impl Tensor {
    /// Makes a tensor of `f32` from row-major numbers.
    ///
    /// # Errors
    /// [`Error::UnsupportedInput`] where `values` are not as many as `shape` says.
    pub fn from_f32(shape: &[u32], values: &[f32]) -> Result<Self> {
        check_count(shape, values.len())?;
        Ok(Self(Handle::new(shape, TensorType::Fp32, &f32_to_bytes(values))))
    }

    /// Makes a tensor of bytes.
    ///
    /// # Errors
    /// As [`Tensor::from_f32`].
    pub fn from_u8(shape: &[u32], values: &[u8]) -> Result<Self> {
        check_count(shape, values.len())?;
        Ok(Self(Handle::new(shape, TensorType::U8, values)))
    }

    /// Sides, outermost first; `[1, 3, 224, 224]` for one colour picture in NCHW.
    #[must_use]
    pub fn shape(&self) -> Vec<u32> {
        self.0.dimensions()
    }

    /// The numbers of an `f32` tensor, row-major.
    ///
    /// # Errors
    /// [`Error::UnsupportedInput`] where it holds another type.
    pub fn to_f32(&self) -> Result<Vec<f32>> {
        match self.0.ty() {
            TensorType::Fp32 => Ok(bytes_to_f32(&self.0.data())),
            other => Err(Error::unsupported_input(format!("expected a tensor of f32, found {}", type_name(other)))),
        }
    }

    /// The bytes as they lie in memory: little-endian, row-major.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.data()
    }

    pub(crate) const fn from_handle(handle: Handle) -> Self {
        Self(handle)
    }

    pub(crate) fn into_handle(self) -> Handle {
        self.0
    }
}

impl fmt::Debug for Tensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tensor")
    }
}

/// Tensors by name, in the order in which the host gave them.
#[derive(Debug)]
pub struct Tensors(Vec<(String, Tensor)>);

impl Tensors {
    pub(crate) fn from_handles(handles: Vec<(String, Handle)>) -> Self {
        Self(handles.into_iter().map(|(name, handle)| (name, Tensor(handle))).collect())
    }

    /// The tensor of that name.
    ///
    /// # Errors
    /// [`Error::UnsupportedInput`] with the names that are there.
    pub fn get(&self, name: &str) -> Result<&Tensor> {
        self.0.iter().find(|(have, _)| have == name).map(|(_, tensor)| tensor).ok_or_else(|| {
            let names: Vec<_> = self.0.iter().map(|(have, _)| have.as_str()).collect();
            Error::unsupported_input(format!("there is no tensor {name:?}, only {names:?}"))
        })
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Tensor)> {
        self.0.iter().map(|(name, tensor)| (name.as_str(), tensor))
    }
}

const fn type_name(ty: TensorType) -> &'static str {
    match ty {
        TensorType::Fp16 => "f16",
        TensorType::Fp32 => "f32",
        TensorType::Fp64 => "f64",
        TensorType::Bf16 => "bf16",
        TensorType::U8 => "u8",
        TensorType::I32 => "i32",
        TensorType::I64 => "i64",
    }
}

fn check_count(shape: &[u32], found: usize) -> Result<()> {
    let needed = shape.iter().try_fold(1usize, |product, side| product.checked_mul(usize::try_from(*side).ok()?));
    if needed == Some(found) {
        return Ok(());
    }
    Err(Error::unsupported_input(format!("a tensor of shape {shape:?} does not hold {found} numbers")))
}

fn f32_to_bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

fn bytes_to_f32(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks().0.iter().map(|chunk| f32::from_le_bytes(*chunk)).collect()
}

#[cfg(test)]
mod tests {
    use super::{bytes_to_f32, check_count, f32_to_bytes};

    #[test]
    fn numbers_survive_the_way_to_bytes_and_back() {
        let values = [0.0, -1.5, f32::MAX, f32::MIN_POSITIVE];
        assert_eq!(bytes_to_f32(&f32_to_bytes(&values)), values);
    }

    #[test]
    fn a_shape_that_does_not_fit_the_numbers_is_refused() {
        assert!(check_count(&[1, 2, 3], 6).is_ok());
        assert!(check_count(&[1, 2, 3], 5).is_err());
        assert!(check_count(&[u32::MAX; 4], 0).is_err(), "a product that overflows fits nothing");
    }
}
