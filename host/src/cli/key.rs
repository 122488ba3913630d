use crate::domain::Digest;
use crate::trust::{
    BundleKind, KeyError, KeyId, PrivateKey, PublicKey, RevokedBundle, RevokedKey, Role, Severity, TrustStore,
    TrustedKey, write_atomically,
};
use anyhow::{Context, bail};
use clap::{Args, Subcommand, ValueEnum};
use jiff::Timestamp;
use std::path::{Path, PathBuf};

/// Make keys, and say which keys this station trusts.
#[derive(Debug, Args)]
pub struct KeyArgs {
    #[command(subcommand)]
    command: KeyCommand,
}

#[derive(Debug, Subcommand)]
enum KeyCommand {
    /// Make a key pair: the private key (PKCS#8 PEM, mode 0600) and the public key (SPKI PEM).
    Generate(GenerateArgs),
    /// Print a key's id and its public PEM. Takes a private or a public key.
    Show { file: PathBuf },
    /// Let a key sign bundles of some kinds and names. Makes the trust store when there is none.
    Trust(TrustArgs),
    /// Say how many different keys must sign a kind of bundle.
    Threshold {
        #[arg(long)]
        store: PathBuf,
        #[arg(long)]
        kind: KindArg,
        #[arg(long)]
        count: u32,
    },
    /// Refuse a key or a bundle from now on.
    Revoke(RevokeArgs),
}

#[derive(Debug, Args)]
struct GenerateArgs {
    /// Where the private key goes, such as press-3.pem. Never written over.
    #[arg(long)]
    out: PathBuf,
    /// Where the public key goes; without it beside the private one, as press-3.pub.pem.
    #[arg(long)]
    public: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct TrustArgs {
    /// The trust store, such as trust.json.
    #[arg(long)]
    store: PathBuf,
    /// The public key, SPKI PEM.
    #[arg(long)]
    key: PathBuf,
    /// What it may sign, KIND:NAMES, such as plugin:* or model:surface. May be given several times.
    #[arg(long = "role", required = true)]
    roles: Vec<Role>,
    /// After this time (UTC, such as 2030-01-31T12:00:00Z) nothing new that it signed is installed.
    #[arg(long)]
    not_after: Option<Timestamp>,
    /// Whose key it is.
    #[arg(long)]
    comment: Option<String>,
}

#[derive(Debug, Args)]
struct RevokeArgs {
    #[arg(long)]
    store: PathBuf,
    /// The key's id: `assay key show` prints it.
    #[arg(long, required_unless_present = "bundle", conflicts_with = "bundle")]
    key_id: Option<KeyId>,
    /// The bundle's digest: `assay bundle inspect` prints it.
    #[arg(long)]
    bundle: Option<Digest>,
    /// block-new refuses new installs; stop also keeps a station from running it.
    #[arg(long, default_value = "stop")]
    severity: SeverityArg,
    /// For whoever meets the refusal.
    #[arg(long)]
    reason: String,
}

/// A kind of bundle on the command line.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum KindArg {
    Plugin,
    Model,
    Recipe,
}

impl From<KindArg> for BundleKind {
    fn from(kind: KindArg) -> Self {
        match kind {
            KindArg::Plugin => Self::Plugin,
            KindArg::Model => Self::Model,
            KindArg::Recipe => Self::Recipe,
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum SeverityArg {
    BlockNew,
    Stop,
}

/// # Errors
/// When a file cannot be read or written, or says something that is refused.
pub fn run(args: KeyArgs) -> anyhow::Result<()> {
    match args.command {
        KeyCommand::Generate(args) => generate(&args),
        KeyCommand::Show { file } => show(&file),
        KeyCommand::Trust(args) => trust(args),
        KeyCommand::Threshold { store, kind, count } => {
            edit(&store, |trusted| Ok(trusted.set_threshold(kind.into(), count)?))?;
            say!("{} bundles need {count} signatures", BundleKind::from(kind));
            Ok(())
        }
        KeyCommand::Revoke(args) => revoke(args),
    }
}

fn generate(args: &GenerateArgs) -> anyhow::Result<()> {
    let public_path = args.public.clone().unwrap_or_else(|| args.out.with_extension("pub.pem"));
    for path in [&args.out, &public_path] {
        if std::fs::symlink_metadata(path).is_ok() {
            bail!(
                "{} is there already, and a key is never written over; move it away or choose another --out",
                path.display()
            );
        }
    }
    let key = PrivateKey::generate()?;
    key.save_new(&args.out)?;
    write_atomically(&public_path, key.public().to_pem()?.as_bytes(), 0o644)?;
    say!("key id       {}", key.public().id());
    say!("private key  {} (keep it secret)", args.out.display());
    say!("public key   {}", public_path.display());
    Ok(())
}

fn show(file: &Path) -> anyhow::Result<()> {
    let public = match PublicKey::load(file) {
        Err(KeyError::BadPublicPem(_)) => {
            PrivateKey::load(file).with_context(|| format!("reading {}", file.display()))?.public().clone()
        }
        other => other.with_context(|| format!("reading {}", file.display()))?,
    };
    say!("key id  {}", public.id());
    say_text!(public.to_pem()?);
    Ok(())
}

fn trust(args: TrustArgs) -> anyhow::Result<()> {
    let public = PublicKey::load(&args.key).with_context(|| format!("reading {}", args.key.display()))?;
    let id = public.id();
    let roles: Vec<_> = args.roles.iter().map(ToString::to_string).collect();
    let key = TrustedKey { public, roles: args.roles, not_after: args.not_after, comment: args.comment };
    edit(&args.store, |store| Ok(store.trust(key)?))?;
    say!("key {id} may sign {}", roles.join(" "));
    Ok(())
}

fn revoke(args: RevokeArgs) -> anyhow::Result<()> {
    let severity = match args.severity {
        SeverityArg::BlockNew => Severity::BlockNew,
        SeverityArg::Stop => Severity::Stop,
    };
    let reason = args.reason;
    edit(&args.store, |store| match (args.key_id, args.bundle) {
        (Some(id), _) => Ok(store.revoke_key(RevokedKey { id, severity, reason })?),
        (None, Some(bundle)) => Ok(store.revoke_bundle(RevokedBundle { bundle, severity, reason })?),
        (None, None) => bail!("give --key-id or --bundle"),
    })?;
    say!("revoked in {}", args.store.display());
    Ok(())
}

/// Changes a trust store in place; one that is not there starts empty.
fn edit(path: &Path, change: impl FnOnce(&mut TrustStore) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let missing = matches!(std::fs::symlink_metadata(path), Err(error) if error.kind() == std::io::ErrorKind::NotFound);
    let mut store = if missing {
        TrustStore::new()
    } else {
        TrustStore::load(path).with_context(|| format!("reading {}", path.display()))?
    };
    change(&mut store)?;
    Ok(store.save(path)?)
}
