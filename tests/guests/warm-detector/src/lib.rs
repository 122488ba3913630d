//! Counts its calls and keeps what it can from one to the next. The frame's serial says what it does in a call.

wit_bindgen::generate!({ path: "../../../wit", world: "assay:plugin/detector", generate_all });

use assay::plugin::imaging::{ElementType, Image, PixelFormat, TensorLayout, TensorSpec};
use assay::plugin::log::{Level, log};
use assay::plugin::types::{FrameInfo, PluginError};
use core::cell::{Cell, RefCell};
use exports::assay::plugin::detect::{Detection, Evidence, Guest};
use wasi::nn::graph::{self, Graph};
use wasi::nn::tensor::Tensor;

thread_local! {
    static CALLS: Cell<u32> = const { Cell::new(0) };
    static IMAGES: RefCell<Vec<Image>> = const { RefCell::new(Vec::new()) };
    static TENSORS: RefCell<Vec<Tensor>> = const { RefCell::new(Vec::new()) };
    static GRAPHS: RefCell<Vec<Graph>> = const { RefCell::new(Vec::new()) };
}

struct Warm;

fn other(error: impl core::fmt::Debug) -> PluginError {
    PluginError::Other(format!("{error:?}"))
}

fn kept_image<T>(use_it: impl FnOnce(&Image) -> T) -> Result<T, PluginError> {
    IMAGES.with_borrow(|images| images.first().map(use_it)).ok_or_else(|| other("nothing was kept"))
}

fn tensor_of(picture: &Image) -> Result<Tensor, PluginError> {
    let spec = TensorSpec { layout: TensorLayout::Nchw, element: ElementType::Fp32, mean: vec![0.0], scale: vec![1.0] };
    picture.to_tensor(&spec).map_err(other)
}

/// Asks the model once and waits for its answer.
fn ask(graph: &Graph, tensor: Tensor) -> Result<(), PluginError> {
    let context = graph.init_execution_context().map_err(|error| other(error.data()))?;
    context.compute(vec![("image".to_owned(), tensor)]).map(drop).map_err(|error| other(error.data()))
}

/// Keeps a handle of each kind over the end of the call.
fn keep(picture: Image) -> Result<(), PluginError> {
    let tensor = tensor_of(&picture)?;
    TENSORS.with_borrow_mut(|tensors| tensors.push(tensor));
    let graph = graph::load_by_name("demo").map_err(|error| other(error.data()))?;
    GRAPHS.with_borrow_mut(|graphs| graphs.push(graph));
    IMAGES.with_borrow_mut(|images| images.push(picture));
    Ok(())
}

fn act(what: &str, picture: Image) -> Result<Vec<(String, Image)>, PluginError> {
    match what {
        "count" => {}
        "trap" => core::arch::wasm32::unreachable(),
        "error" => return Err(other("as told")),
        "spin" => loop {
            core::hint::black_box(());
        },
        "log" => (0..40).for_each(|n| log(Level::Info, &format!("line {n}"))),
        "leak" => core::mem::forget(core::hint::black_box(vec![1u8; 1 << 20])),
        "keep" => keep(picture)?,
        "keep-large" => {
            let large = Image::filled(3000, 1000, PixelFormat::Gray8, &[9]).map_err(other)?;
            IMAGES.with_borrow_mut(|images| images.push(large));
        }
        "use-image" => drop(kept_image(Image::statistics)?),
        "use-tensor" => TENSORS
            .with_borrow(|tensors| tensors.first().map(Tensor::data).map(drop))
            .ok_or_else(|| other("no tensor"))?,
        "use-graph" => {
            let tensor = tensor_of(&picture)?;
            GRAPHS
                .with_borrow(|graphs| graphs.first().map(|graph| ask(graph, tensor)))
                .ok_or_else(|| other("no graph"))??;
        }
        "give-image" => {
            let image = IMAGES.with_borrow_mut(Vec::pop).ok_or_else(|| other("no image"))?;
            return Ok(vec![("kept".to_owned(), image)]);
        }
        "drop" => {
            IMAGES.with_borrow_mut(Vec::clear);
            TENSORS.with_borrow_mut(Vec::clear);
            GRAPHS.with_borrow_mut(Vec::clear);
            // The frame's own handle is as good as before.
            ask(&graph::load_by_name("demo").map_err(|error| other(error.data()))?, tensor_of(&picture)?)?;
        }
        "ask" => ask(&graph::load_by_name("demo").map_err(|error| other(error.data()))?, tensor_of(&picture)?)?,
        unknown => return Err(other(unknown)),
    }
    Ok(Vec::new())
}

impl Guest for Warm {
    fn detect(frame: FrameInfo, evidence: Evidence) -> Result<Detection, PluginError> {
        let calls = CALLS.get() + 1;
        CALLS.set(calls);
        let images = act(frame.serial.as_deref().unwrap_or("count"), evidence.picture)?;
        Ok(Detection { findings: Vec::new(), images, attributes: vec![("calls".to_owned(), calls.to_string())] })
    }
}

export!(Warm);
