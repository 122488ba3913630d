use super::componentize::ComponentizeError;
use crate::domain::PluginKind;
use std::path::Path;
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// An empty WASI, as text.
const ADAPTER: &str = include_str!("empty_wasi.wat");
/// What programs call it by.
const WASI: &str = "wasi_snapshot_preview1";

/// Makes a component of a core module that was linked for `wasip1` by a toolchain that embeds no WIT, with an empty WASI
/// inside: the component imports nothing but what its plugin uses of the world.
///
/// `wit` is the folder that the module's bindings were made from.
///
/// # Errors
/// When `wit` cannot be read, or the module's imports and exports do not fit the world.
pub fn componentize_with_empty_wasi(module: &[u8], wit: &Path, kind: PluginKind) -> Result<Vec<u8>, ComponentizeError> {
    let adapter = wat::parse_str(ADAPTER).map_err(|error| ComponentizeError { detail: error.to_string() })?;
    let mut module = module.to_vec();
    let mut encode = || {
        let mut resolve = Resolve::default();
        let (package, _) = resolve.push_path(wit)?;
        let world = resolve.select_world(&[package], Some(kind.name()))?;
        embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)?;
        ComponentEncoder::default().validate(true).module(&module)?.adapter(WASI, &adapter)?.encode()
    };
    encode().map_err(|error: anyhow::Error| ComponentizeError { detail: format!("{error:#}") })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;
    use wasmtime::component::Component;
    use wasmtime::{Engine, Instance, Memory, MemoryType, Module, Store};

    /// As Go's linker gives one: no WIT inside, WASI wanted. `EXPORT` stands for the function of a world.
    const PROGRAM: &str = r#"(module
      (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
      (memory (export "memory") 1)
      (func (export "_initialize") (drop (call $random (i32.const 0) (i32.const 8))))
      (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
      (func (export "assay:plugin/EXPORT") (param i32) (result i32)
        (if (call $write (i32.const 1) (i32.const 0) (i32.const 0) (i32.const 8)) (then (call $exit (i32.const 1))))
        (i32.const 64)))"#;

    fn componentized(export: &str, kind: PluginKind) -> Result<Vec<u8>, ComponentizeError> {
        let module = wat::parse_str(PROGRAM.replace("EXPORT", export)).unwrap();
        let wit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wit");
        componentize_with_empty_wasi(&module, &wit, kind)
    }

    #[test]
    fn a_program_for_wasip1_becomes_a_component_that_imports_no_wasi() {
        let component = componentized("detect@0.1.0#detect", PluginKind::Detector).unwrap();
        let engine = Engine::default();
        let component = Component::new(&engine, component).unwrap();
        let of = component.component_type();
        let imports: Vec<&str> = of.imports(&engine).map(|(name, _)| name).collect();
        // What its world hands it, and no more.
        assert!(imports.iter().all(|name| !name.contains("wasi_snapshot")), "{imports:?}");
        let foreign: Vec<&&str> = imports.iter().filter(|name| !name.starts_with("assay:plugin/")).collect();
        assert!(foreign.iter().all(|name| name.starts_with("wasi:nn/tensor@")), "{imports:?}");
    }

    #[test]
    fn a_program_of_another_world_is_told_the_export_that_is_missing() {
        let error = componentized("detect@0.1.0#detect", PluginKind::Monitor).unwrap_err();
        assert!(error.detail.contains("`assay:plugin/observe@0.1.0` function `observe`"), "{}", error.detail);
    }

    /// A running adapter and the memory of its program.
    fn running() -> (Store<()>, Instance, Memory) {
        let engine = Engine::default();
        let module = Module::new(&engine, wat::parse_str(ADAPTER).unwrap()).unwrap();
        let mut store = Store::new(&engine, ());
        let memory = Memory::new(&mut store, MemoryType::new(1, None)).unwrap();
        let instance = Instance::new(&mut store, &module, &[memory.into()]).unwrap();
        (store, instance, memory)
    }

    fn number(store: &Store<()>, memory: Memory, at: usize) -> u64 {
        let mut bytes = [0; 8];
        memory.read(store, at, &mut bytes).unwrap();
        u64::from_le_bytes(bytes)
    }

    #[test]
    fn time_is_a_counter_and_waiting_moves_it_on() {
        let (mut store, wasi, memory) = running();
        let now = wasi.get_typed_func::<(i32, i64, i32), i32>(&mut store, "clock_time_get").unwrap();
        let look = |store: &mut Store<()>| {
            assert_eq!(now.call(&mut *store, (0, 0, 0)).unwrap(), 0);
            number(store, memory, 0)
        };
        let first = look(&mut store);
        assert_eq!((first, look(&mut store)), (2000, 3000));
        // A subscription at 64 to the clock, 5 s from now; its event comes to 128, its number to 256.
        memory.write(&mut store, 64, &77_u64.to_le_bytes()).unwrap();
        memory.write(&mut store, 64 + 24, &5_000_000_000_u64.to_le_bytes()).unwrap();
        let poll = wasi.get_typed_func::<(i32, i32, i32, i32), i32>(&mut store, "poll_oneoff").unwrap();
        assert_eq!(poll.call(&mut store, (64, 128, 1, 256)).unwrap(), 0);
        assert_eq!((number(&store, memory, 128), number(&store, memory, 136)), (77, 0));
        assert_eq!(number(&store, memory, 256) as u32, 1);
        assert_eq!(look(&mut store), 5_000_004_000);
    }

    #[test]
    fn chance_is_the_same_in_every_instance() {
        let draw = || {
            let (mut store, wasi, memory) = running();
            let random = wasi.get_typed_func::<(i32, i32), i32>(&mut store, "random_get").unwrap();
            let mut next = || {
                assert_eq!(random.call(&mut store, (0, 8)).unwrap(), 0);
                number(&store, memory, 0)
            };
            [next(), next()]
        };
        let [first, second] = draw();
        assert_eq!(draw(), [first, second]);
        assert!(first != second && first != 0, "{first} {second}");
    }

    #[test]
    fn output_is_forgotten_and_nothing_is_open() {
        let (mut store, wasi, memory) = running();
        // Two pieces, of 3 and of 4 bytes.
        for (at, value) in [(0, 100_u32), (4, 3), (8, 200), (12, 4)] {
            memory.write(&mut store, at, &value.to_le_bytes()).unwrap();
        }
        let write = wasi.get_typed_func::<(i32, i32, i32, i32), i32>(&mut store, "fd_write").unwrap();
        assert_eq!(write.call(&mut store, (2, 0, 2, 32)).unwrap(), 0);
        assert_eq!(number(&store, memory, 32), 7);
        assert_eq!(write.call(&mut store, (3, 0, 2, 32)).unwrap(), 8);
        assert_eq!(write.call(&mut store, (0, 0, 2, 32)).unwrap(), 8);
        let status = wasi.get_typed_func::<(i32, i32), i32>(&mut store, "fd_prestat_get").unwrap();
        assert_eq!(status.call(&mut store, (3, 0)).unwrap(), 8);
        let arguments = wasi.get_typed_func::<(i32, i32), i32>(&mut store, "args_sizes_get").unwrap();
        assert_eq!(arguments.call(&mut store, (0, 4)).unwrap(), 0);
        assert_eq!(number(&store, memory, 0), 0);
        let exit = wasi.get_typed_func::<i32, ()>(&mut store, "proc_exit").unwrap();
        assert!(exit.call(&mut store, 0).is_err(), "a program that ends itself has to end its instance");
    }
}
