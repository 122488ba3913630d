use super::key::KindArg;
use crate::config::{AuthoredBundle, BundleIndex, load_author_manifest};
use crate::plugin::componentize;
use crate::trust::{
    BlobRole, Counters, Inspected, Manifest, NewBlob, PrivateKey, TrustStore, VerifiedBundle, VerifyPolicy, inspect,
    pack, read_bundle, sign, verify, write_atomically,
};
use anyhow::{Context, anyhow, bail};
use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Make, sign and check bundles: the files that carry a plugin, a model or a recipe.
#[derive(Debug, Args)]
pub struct BundleArgs {
    #[command(subcommand)]
    command: BundleCommand,
}

#[derive(Debug, Subcommand)]
enum BundleCommand {
    /// Make a bundle from an author manifest (TOML). It is unsigned unless --key is given.
    Pack(PackArgs),
    /// Add a key's signature to bundles, in place.
    Sign {
        /// The private key, PKCS#8 PEM.
        #[arg(long)]
        key: PathBuf,
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Check bundles as a station does when it installs them.
    Verify(VerifyArgs),
    /// Print what a bundle says of itself. Verifies nothing.
    Inspect {
        file: PathBuf,
        /// As one JSON object.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
struct PackArgs {
    /// The author manifest; paths in it are from its own folder.
    #[arg(long)]
    manifest: PathBuf,
    /// The bundle to write, NAME-VERSION.assay.
    #[arg(long)]
    out: PathBuf,
    /// Recipes: the folder with the bundles of its plugins and its model, whose digests are pinned.
    #[arg(long)]
    bundles: Option<PathBuf>,
    /// Sign it at once with this private key.
    #[arg(long)]
    key: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct VerifyArgs {
    /// The trust store.
    #[arg(long)]
    trust: PathBuf,
    /// Also refuse what is older than these counters.
    #[arg(long)]
    counters: Option<PathBuf>,
    /// Accept only this kind.
    #[arg(long)]
    kind: Option<KindArg>,
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

/// # Errors
/// When a file cannot be read or written, or a bundle is refused.
pub fn run(args: BundleArgs) -> anyhow::Result<()> {
    match args.command {
        BundleCommand::Pack(args) => run_pack(&args),
        BundleCommand::Sign { key, files } => run_sign(&key, &files),
        BundleCommand::Verify(args) => run_verify(&args),
        BundleCommand::Inspect { file, json } => run_inspect(&file, json),
    }
}

fn run_pack(args: &PackArgs) -> anyhow::Result<()> {
    // The key first: a wrong one should not leave an unsigned bundle behind.
    let key = args.key.as_deref().map(load_key).transpose()?;
    let index = args.bundles.as_deref().map(BundleIndex::read).transpose()?;
    let authored = load_author_manifest(&args.manifest, &created()?, index.as_ref())?;
    if let (Some(recipe), Some(index)) = (&authored.manifest.recipe, &index) {
        let problems = index.check(recipe);
        if !problems.is_empty() {
            bail!("{}: the recipe cannot run:\n  {}", args.manifest.display(), problems.join("\n  "));
        }
    }
    write_bundle(&args.manifest, authored, &args.out, key.as_ref())
}

/// Packs a plugin's project; the bundle is called NAME-VERSION.assay and lies in `folder` where `out` says nothing.
pub fn pack_plugin(manifest: &Path, out: Option<&Path>, folder: &Path, key: Option<&Path>) -> anyhow::Result<()> {
    let key = key.map(load_key).transpose()?;
    let authored = load_author_manifest(manifest, &created()?, None)?;
    let out = out.map_or_else(|| folder.join(file_name(&authored.manifest)), Path::to_owned);
    write_bundle(manifest, authored, &out, key.as_ref())
}

fn file_name(manifest: &Manifest) -> String {
    format!("{}-{}.assay", manifest.name, manifest.version)
}

fn write_bundle(manifest: &Path, authored: AuthoredBundle, out: &Path, key: Option<&PrivateKey>) -> anyhow::Result<()> {
    let blobs = authored.blobs.into_iter().map(into_component).collect::<anyhow::Result<Vec<_>>>()?;
    let named = || format!("packing {}", manifest.display());
    let mut file = pack(authored.manifest, &blobs).with_context(named)?;
    if let Some(key) = key {
        file = sign(&file, key).with_context(named)?;
    }
    let inspected = inspect(&file).with_context(named)?;
    write_atomically(out, &file, 0o644)?;
    let signed = if key.is_some() { "signed" } else { "not signed yet" };
    say!("{} {} {}  {}  {signed}", title(&inspected.manifest), inspected.digest, file.len(), out.display());
    Ok(())
}

fn into_component(blob: NewBlob) -> anyhow::Result<NewBlob> {
    if blob.role != BlobRole::Component {
        return Ok(blob);
    }
    let bytes = componentize(&blob.bytes).context("making a component of the plugin's module")?;
    Ok(NewBlob { bytes, ..blob })
}

/// The time of packing: `SOURCE_DATE_EPOCH` (seconds) where it is set, so that the same input gives the same bytes.
fn created() -> anyhow::Result<String> {
    let now = match std::env::var("SOURCE_DATE_EPOCH") {
        Ok(text) => {
            let seconds = text.parse().ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
            seconds.ok_or_else(|| anyhow!("SOURCE_DATE_EPOCH is {text:?}, expected seconds since 1970"))?
        }
        Err(_) => Timestamp::from_second(Timestamp::now().as_second())?,
    };
    Ok(now.to_string())
}

pub fn run_sign(key: &Path, files: &[PathBuf]) -> anyhow::Result<()> {
    let key = load_key(key)?;
    for path in files {
        let signing = || format!("signing {}", path.display());
        let signed = read_bundle(path).and_then(|file| sign(&file, &key)).with_context(signing)?;
        write_atomically(path, &signed, 0o644)?;
        let inspected = inspect(&signed).with_context(signing)?;
        say!("{} {} signed by {}", title(&inspected.manifest), inspected.digest, key.public().id());
    }
    Ok(())
}

fn load_key(path: &Path) -> anyhow::Result<PrivateKey> {
    PrivateKey::load(path).with_context(|| format!("reading the private key {}", path.display()))
}

fn run_verify(args: &VerifyArgs) -> anyhow::Result<()> {
    let store = TrustStore::load(&args.trust).with_context(|| format!("reading {}", args.trust.display()))?;
    let counters = args.counters.as_deref().map(Counters::open).transpose()?;
    let mut policy = VerifyPolicy::install();
    policy.counters = counters.as_ref();
    policy.kind = args.kind.map(Into::into);
    let mut refused = 0usize;
    for path in &args.files {
        match read_bundle(path).and_then(|file| verify(&file, &store, &policy)) {
            Ok(bundle) => say!("{}", verified(&bundle)),
            Err(error) => {
                refused += 1;
                let check = error.check();
                eprintln!("{}: refused by the {check} check: {:#}", path.display(), anyhow!(error));
            }
        }
    }
    match refused {
        0 => Ok(()),
        _ => bail!("{refused} of {} bundles refused", args.files.len()),
    }
}

fn verified(bundle: &VerifiedBundle) -> String {
    format!("{} {} verified, signed by {}", title(bundle.manifest()), bundle.digest(), bundle.signers().join(", "))
}

fn title(manifest: &Manifest) -> String {
    format!("{} {} {} (counter {})", manifest.kind, manifest.name, manifest.version, manifest.counter)
}

/// What `inspect --json` prints.
#[derive(Serialize)]
struct InspectedJson<'a> {
    /// Always false: `assay bundle verify` verifies.
    verified: bool,
    digest: String,
    signatures: Vec<SignatureJson<'a>>,
    problems: &'a [String],
    manifest: &'a Manifest,
}

#[derive(Serialize)]
struct SignatureJson<'a> {
    claimed_key: &'a str,
    bytes: usize,
}

fn run_inspect(path: &Path, json: bool) -> anyhow::Result<()> {
    let file = read_bundle(path)?;
    let bundle = inspect(&file).with_context(|| format!("reading {}", path.display()))?;
    if json {
        say!("{}", serde_json::to_string_pretty(&as_json(&bundle))?);
        return Ok(());
    }
    say!("NOT VERIFIED: what follows is what the file says of itself. `assay bundle verify` checks it.");
    say!("{}", title(&bundle.manifest));
    say!("digest   {}", bundle.digest);
    say!("created  {}", bundle.manifest.created);
    for signature in &bundle.signatures {
        say!("claims a signature by key {:?}", signature.key);
    }
    if bundle.signatures.is_empty() {
        say!("no signature");
    }
    for blob in &bundle.manifest.blobs {
        say!("blob     {} {} {} bytes {}", blob.role, blob.name, blob.size, blob.sha256);
    }
    for problem in &bundle.problems {
        say!("problem  {problem}");
    }
    say!("{}", serde_json::to_string_pretty(&bundle.manifest)?);
    Ok(())
}

fn as_json(bundle: &Inspected) -> InspectedJson<'_> {
    let signatures = bundle
        .signatures
        .iter()
        .map(|signature| SignatureJson { claimed_key: &signature.key, bytes: signature.bytes })
        .collect();
    let digest = bundle.digest.to_string();
    InspectedJson { verified: false, digest, signatures, problems: &bundle.problems, manifest: &bundle.manifest }
}
