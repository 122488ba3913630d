//! Between the generated types and the domain's. Pure: no checks, no table.

use super::bindings::config;
use super::bindings::imaging::{self as wit, TensorLayout as WitLayout};
use super::bindings::nn::tensor::TensorType;
use super::bindings::types;
use crate::domain::{ElementType, Finding, FrameMeta, PixelFormat, Region, SettingValue};
use crate::imaging::{PixelElement, ResizeFilter, Statistics, TensorLayout, TensorSpec};

pub(super) const fn pixel_format(format: wit::PixelFormat) -> PixelFormat {
    match format {
        wit::PixelFormat::Gray8 => PixelFormat::Gray8,
        wit::PixelFormat::Rgb8 => PixelFormat::Rgb8,
        wit::PixelFormat::Bgr8 => PixelFormat::Bgr8,
        wit::PixelFormat::Rgba8 => PixelFormat::Rgba8,
        wit::PixelFormat::Gray16 => PixelFormat::Gray16,
    }
}

pub(super) const fn pixel_format_out(format: PixelFormat) -> wit::PixelFormat {
    match format {
        PixelFormat::Gray8 => wit::PixelFormat::Gray8,
        PixelFormat::Rgb8 => wit::PixelFormat::Rgb8,
        PixelFormat::Bgr8 => wit::PixelFormat::Bgr8,
        PixelFormat::Rgba8 => wit::PixelFormat::Rgba8,
        PixelFormat::Gray16 => wit::PixelFormat::Gray16,
    }
}

pub(super) const fn resize_filter(filter: wit::ResizeFilter) -> ResizeFilter {
    match filter {
        wit::ResizeFilter::Nearest => ResizeFilter::Nearest,
        wit::ResizeFilter::Box => ResizeFilter::Box,
        wit::ResizeFilter::Bilinear => ResizeFilter::Bilinear,
        wit::ResizeFilter::CatmullRom => ResizeFilter::CatmullRom,
        wit::ResizeFilter::Lanczos3 => ResizeFilter::Lanczos3,
    }
}

pub(super) fn tensor_spec(spec: &wit::TensorSpec) -> TensorSpec {
    TensorSpec {
        layout: match spec.layout {
            WitLayout::Nchw => TensorLayout::Nchw,
            WitLayout::Nhwc => TensorLayout::Nhwc,
        },
        element: match spec.element {
            wit::ElementType::Fp32 => PixelElement::F32,
            wit::ElementType::Uint8 => PixelElement::U8,
        },
        mean: spec.mean.clone(),
        scale: spec.scale.clone(),
    }
}

pub(super) fn statistics(statistics: Statistics) -> wit::Statistics {
    wit::Statistics {
        mean: statistics.mean,
        sd: statistics.sd,
        laplacian_variance: statistics.laplacian_variance,
        dark_share: statistics.dark_share,
        bright_share: statistics.bright_share,
        channel_means: statistics.channel_means,
    }
}

pub(super) const fn element_type(ty: TensorType) -> ElementType {
    match ty {
        TensorType::Fp16 => ElementType::F16,
        TensorType::Fp32 => ElementType::F32,
        TensorType::Fp64 => ElementType::F64,
        TensorType::Bf16 => ElementType::Bf16,
        TensorType::U8 => ElementType::U8,
        TensorType::I32 => ElementType::I32,
        TensorType::I64 => ElementType::I64,
    }
}

pub(super) const fn element_type_out(ty: ElementType) -> TensorType {
    match ty {
        ElementType::F16 => TensorType::Fp16,
        ElementType::F32 => TensorType::Fp32,
        ElementType::F64 => TensorType::Fp64,
        ElementType::Bf16 => TensorType::Bf16,
        ElementType::U8 => TensorType::U8,
        ElementType::I32 => TensorType::I32,
        ElementType::I64 => TensorType::I64,
    }
}

pub(super) const fn region(region: types::Region) -> Region {
    Region { x: region.x, y: region.y, width: region.width, height: region.height }
}

const fn region_out(region: Region) -> types::Region {
    types::Region { x: region.x, y: region.y, width: region.width, height: region.height }
}

pub(super) fn value_out(value: &SettingValue) -> config::Value {
    match value {
        SettingValue::Bool(flag) => config::Value::Flag(*flag),
        SettingValue::Integer(integer) => config::Value::Integer(*integer),
        SettingValue::Number(number) => config::Value::Number(*number),
        SettingValue::Text(text) => config::Value::Text(text.clone()),
        SettingValue::Numbers(numbers) => config::Value::Numbers(numbers.clone()),
        SettingValue::Texts(texts) => config::Value::Texts(texts.clone()),
    }
}

pub(super) fn finding(finding: types::Finding) -> Finding {
    Finding {
        label: finding.label,
        score: finding.score,
        raised: finding.raised,
        region: finding.region.map(region),
        text: finding.text,
        attributes: finding.attributes,
    }
}

pub(super) fn finding_out(finding: &Finding) -> types::Finding {
    types::Finding {
        label: finding.label.clone(),
        score: finding.score,
        raised: finding.raised,
        region: finding.region.map(region_out),
        text: finding.text.clone(),
        attributes: finding.attributes.clone(),
    }
}

pub(super) fn frame_info(meta: &FrameMeta) -> types::FrameInfo {
    let mut attributes = Vec::new();
    if let Some(origin) = &meta.origin {
        attributes.push(("origin".to_owned(), origin.clone()));
    }
    if meta.simulated {
        attributes.push(("simulated".to_owned(), "true".to_owned()));
    }
    types::FrameInfo {
        station: meta.id.station.clone(),
        boot: meta.id.boot,
        trigger: meta.id.trigger,
        captured_at_us: meta.captured_at_us,
        source: meta.source.clone(),
        product: meta.product.clone(),
        serial: meta.serial.clone(),
        attributes,
    }
}
