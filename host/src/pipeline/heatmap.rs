//! The heat map of a model as a picture: what it says of each place of the picture that it saw.

use crate::domain::{Heatmap, Image, ModelSpec, NamedTensor, PictureFit, PixelFormat};

/// The longer side of the picture that is kept. A map is coarse; the admin draws it as large as the picture.
const MAX_SIDE: u32 = 256;

/// The map among the outputs, cut to the part of the model's input that is the picture (`width` x `height`): it lies on
/// the picture edge to edge.
///
/// # Errors
/// In words, where the output is not what its specification says, or holds a value that is no number.
pub(super) fn picture(
    heatmap: &Heatmap,
    spec: &ModelSpec,
    outputs: &[NamedTensor],
    (width, height): (u32, u32),
) -> Result<Image, String> {
    let output = outputs.iter().find(|output| output.name == heatmap.output);
    let output = output.ok_or_else(|| format!("the model gave no output {:?}", heatmap.output))?;
    let values = output.tensor.as_f32().map_err(|error| error.to_string())?;
    let [.., rows, columns] = *output.tensor.shape() else { return Err("it has no height and width".to_owned()) };
    let map = Map { values, columns, rows };
    if u64::from(rows) * u64::from(columns) != values.len() as u64 {
        return Err(format!("{rows} x {columns} with {} values: expected one map", values.len()));
    }
    if !values.iter().all(|value| value.is_finite()) {
        return Err("a value is not finite".to_owned());
    }
    let part = match heatmap.fit {
        PictureFit::Stretch => (1.0, 1.0),
        PictureFit::Letterbox => part(input_size(spec).unwrap_or((columns, rows)), (width, height)),
    };
    let longer = rows.max(columns).clamp(1, MAX_SIDE);
    let side = |own: u32| (u64::from(longer) * u64::from(own)).div_ceil(u64::from(width.max(height).max(1)));
    let side = |own: u32| u32::try_from(side(own)).unwrap_or(longer).clamp(1, longer);
    map.sample(part, (side(width), side(height)))
}

/// The share of the input's width and height that a picture takes that is fitted into it, with its shape kept and in the
/// middle.
fn part((input_width, input_height): (u32, u32), (width, height): (u32, u32)) -> (f64, f64) {
    let (across, down) = (f64::from(width) / f64::from(input_width), f64::from(height) / f64::from(input_height));
    let most = across.max(down);
    if most > 0.0 { (across / most, down / most) } else { (1.0, 1.0) }
}

/// Width and height of the picture that a model takes: its first input with three sides, channels first or last.
fn input_size(spec: &ModelSpec) -> Option<(u32, u32)> {
    spec.inputs.iter().find_map(|port| match *port.shape.as_slice() {
        [1 | 3 | 4, height, width] | [height, width, 1 | 3 | 4] => Some((width, height)),
        _ => None,
    })
}

struct Map<'a> {
    values: &'a [f32],
    columns: u32,
    rows: u32,
}

impl Map<'_> {
    /// The middle part of the map, between its values by their distance, in `width` x `height` pixels.
    fn sample(&self, (across, down): (f64, f64), (width, height): (u32, u32)) -> Result<Image, String> {
        let place = |pixel: u32, of: u32, share: f64, cells: u32| {
            let along = (1.0 - share) / 2.0 + (f64::from(pixel) + 0.5) / f64::from(of) * share;
            (along * f64::from(cells) - 0.5).clamp(0.0, f64::from(cells - 1))
        };
        let columns: Vec<f64> = (0..width).map(|x| place(x, width, across, self.columns)).collect();
        let mut pixels = Vec::with_capacity(width as usize * height as usize);
        for y in 0..height {
            let row = place(y, height, down, self.rows);
            pixels.extend(columns.iter().map(|column| self.at(*column, row)));
        }
        Image::new(width, height, PixelFormat::Gray8, pixels.into()).map_err(|error| error.to_string())
    }

    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "places lie inside the map, values in 0 to 255"
    )]
    fn at(&self, column: f64, row: f64) -> u8 {
        let (left, top) = (column.floor(), row.floor());
        let (x, y) = (column - left, row - top);
        let value = |column: f64, row: f64| {
            let (column, row) = ((column as u32).min(self.columns - 1), (row as u32).min(self.rows - 1));
            let value = self.values.get((row * self.columns + column) as usize).copied().unwrap_or(0.0);
            f64::from(value).clamp(0.0, 1.0)
        };
        let upper = value(left, top) * (1.0 - x) + value(left + 1.0, top) * x;
        let lower = value(left, top + 1.0) * (1.0 - x) + value(left + 1.0, top + 1.0) * x;
        ((upper * (1.0 - y) + lower * y) * 255.0).round() as u8
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]
    use super::*;
    use crate::domain::{ElementType, Port, Tensor};

    fn spec(side: u32) -> ModelSpec {
        let port = |name: &str, shape: Vec<u32>| Port { name: name.to_owned(), shape, ty: ElementType::F32 };
        let outputs = vec![port("heatmap", vec![1, 4, 4])];
        ModelSpec { inputs: vec![port("input", vec![3, side, side])], outputs, batch_sizes: vec![1] }
    }

    fn made(values: &[f32], fit: PictureFit, size: (u32, u32)) -> Result<Image, String> {
        let tensor = Tensor::from_f32(&[1, 1, 4, 4], values).unwrap();
        let outputs = [NamedTensor { name: "heatmap".to_owned(), tensor }];
        picture(&Heatmap { output: "heatmap".to_owned(), fit }, &spec(64), &outputs, size)
    }

    /// Rows of 0, 1, 1, 0: what a letterboxed wide picture leaves free above and below.
    fn bars() -> Vec<f32> {
        [0.0, 1.0, 1.0, 0.0].iter().flat_map(|value| [*value; 4]).collect()
    }

    #[test]
    fn of_a_wide_picture_only_the_part_that_it_fills_is_kept() {
        let cut = made(&bars(), PictureFit::Letterbox, (200, 100)).unwrap();
        assert_eq!((cut.width(), cut.height()), (4, 2));
        assert!(cut.bytes().iter().all(|pixel| *pixel == 255), "{:?}", cut.bytes());
        let whole = made(&bars(), PictureFit::Stretch, (100, 100)).unwrap();
        assert_eq!(whole.bytes()[..4], [0; 4]);
    }

    #[test]
    fn a_tall_picture_keeps_its_shape() {
        let tall = made(&bars(), PictureFit::Letterbox, (100, 200)).unwrap();
        assert_eq!((tall.width(), tall.height()), (2, 4));
        assert_eq!(tall.bytes(), [0, 0, 255, 255, 255, 255, 0, 0]);
    }

    #[test]
    fn values_outside_of_the_range_are_brought_into_it_and_what_is_no_number_is_no_map() {
        let mut values = [0.5f32; 16];
        (values[0], values[15]) = (-3.0, 7.0);
        let image = made(&values, PictureFit::Stretch, (64, 64)).unwrap();
        assert_eq!((image.bytes()[0], image.bytes()[5], image.bytes()[15]), (0, 128, 255));
        values[3] = f32::NAN;
        assert!(made(&values, PictureFit::Stretch, (64, 64)).unwrap_err().contains("not finite"));
    }
}
