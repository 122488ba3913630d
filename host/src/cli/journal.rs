use super::audit::{as_json as audit_as_json, as_text as audit_as_text};
use crate::config::load;
use crate::journal::{
    AuditVerified, ChainFault, Checkpoint, ExportFormat, Kind, Reader, Verified, export, verify, verify_audit,
};
use anyhow::{Context as _, bail};
use clap::{Args, Subcommand, ValueEnum};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

/// Check the record of inspections, or write it out. Both work beside a running station.
#[derive(Debug, Args)]
pub struct JournalArgs {
    #[command(subcommand)]
    command: JournalCommand,
}

#[derive(Debug, Subcommand)]
enum JournalCommand {
    /// Walk the hash chains of the journal and of the audit log, and say where one first does not hold. Ends with an
    /// error if it does not.
    Verify(VerifyArgs),
    /// Write all inspections, the oldest first.
    Export(ExportArgs),
}

/// Where the journal is.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(super) struct Place {
    /// The station's configuration, station.toml.
    #[arg(long)]
    config: Option<PathBuf>,
    /// The journal's own folder: the one with journal.db.
    #[arg(long)]
    dir: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct VerifyArgs {
    #[command(flatten)]
    place: Place,
    /// ROWS:HASH as an earlier run printed it: shows also that nothing was cut off or written anew since.
    #[arg(long)]
    checkpoint: Option<Checkpoint>,
    /// As one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct ExportArgs {
    #[command(flatten)]
    place: Place,
    #[arg(long, value_enum, default_value = "jsonl")]
    format: Format,
    /// The file to write; standard output when absent.
    #[arg(long)]
    out: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// All that is recorded, one JSON object per line.
    Jsonl,
    /// The columns of the list, for a spreadsheet.
    Csv,
}

impl Place {
    pub(super) fn folder(&self) -> anyhow::Result<PathBuf> {
        match (&self.dir, &self.config) {
            (Some(dir), _) => Ok(dir.clone()),
            (None, Some(config)) => Ok(load(config)?.data_dir.join("journal")),
            (None, None) => bail!("say where the journal is: --config STATION.TOML or --dir FOLDER"),
        }
    }
}

/// Does what the command line says.
///
/// # Errors
/// When there is no journal, when it does not hold, or when the export cannot be written.
pub fn run(args: JournalArgs) -> anyhow::Result<()> {
    match args.command {
        JournalCommand::Verify(args) => run_verify(&args),
        JournalCommand::Export(args) => run_export(&args),
    }
}

fn run_verify(args: &VerifyArgs) -> anyhow::Result<()> {
    let dir = args.place.folder()?;
    let verified = verify(&dir, args.checkpoint)?;
    let audit = verify_audit(&dir, None)?;
    let text = if args.json { as_json(&verified, audit.as_ref()) } else { as_text(&verified, audit.as_ref()) };
    writeln!(io::stdout(), "{text}").context("the result cannot be printed")?;
    if let Some(fault @ ChainFault::Unreadable { .. }) = verified.fault {
        // It may hold: nobody could look.
        return Err(anyhow::Error::new(fault).context("the journal cannot be checked to its end"));
    }
    if let Some(fault) = verified.fault {
        return Err(anyhow::Error::new(fault).context("the journal does not hold"));
    }
    if !verified.integrity.is_empty() {
        bail!("the database file is damaged: {}", verified.integrity.join("; "));
    }
    super::audit::holds(audit)
}

fn as_text(verified: &Verified, audit: Option<&AuditVerified>) -> String {
    let counts: Vec<_> = verified.entries.iter().map(|(kind, count)| format!("{} {count}", kind.table())).collect();
    let holds = match verified.fault {
        Some(ChainFault::Unreadable { .. }) => "the journal cannot be read behind this",
        _ if verified.holds() => "the journal holds",
        _ => "the journal does not hold behind this",
    };
    let journal = format!("{}\ncheckpoint {}\n{holds}", counts.join(", "), verified.checkpoint);
    audit.map_or_else(|| journal.clone(), |audit| format!("{journal}\n{}", audit_as_text(audit)))
}

fn as_json(verified: &Verified, audit: Option<&AuditVerified>) -> String {
    let entries: serde_json::Map<_, _> =
        verified.entries.iter().map(|(kind, count): &(Kind, i64)| (kind.table().to_owned(), (*count).into())).collect();
    let object = serde_json::json!({
        "holds": verified.holds() && audit.is_none_or(|audit| audit.fault.is_none()),
        "checkpoint": verified.checkpoint.to_string(),
        "entries": entries,
        "fault": verified.fault.as_ref().map(ToString::to_string),
        "integrity": verified.integrity,
        "audit": audit.map(audit_as_json),
    });
    object.to_string()
}

fn run_export(args: &ExportArgs) -> anyhow::Result<()> {
    let reader = Reader::open(&args.place.folder()?)?;
    let format = match args.format {
        Format::Jsonl => ExportFormat::Jsonl,
        Format::Csv => ExportFormat::Csv,
    };
    let Some(path) = &args.out else {
        export(&reader, format, &mut BufWriter::new(io::stdout().lock()))?;
        return Ok(());
    };
    let file = File::create(path).with_context(|| format!("{} cannot be written", path.display()))?;
    let count = export(&reader, format, &mut BufWriter::new(&file))?;
    file.sync_all().with_context(|| format!("{} cannot be flushed to the disk", path.display()))?;
    writeln!(io::stderr(), "{count} inspections written to {}", path.display()).context("the result cannot be printed")
}
