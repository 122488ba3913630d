use super::journal::Place;
use crate::journal::{AuditFault, AuditVerified, Checkpoint, export_audit, verify_audit};
use anyhow::Context as _;
use clap::{Args, Subcommand};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

/// Check the audit log (who did what to the station), or write it out. Both work beside a running station.
#[derive(Debug, Args)]
pub struct AuditArgs {
    #[command(subcommand)]
    command: AuditCommand,
}

#[derive(Debug, Subcommand)]
enum AuditCommand {
    /// Walk its hash chain and say where it first does not hold. Ends with an error if it does not.
    Verify(VerifyArgs),
    /// Write all rows, the oldest first, one JSON object per line.
    Export(ExportArgs),
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
    /// The file to write; standard output when absent.
    #[arg(long)]
    out: Option<PathBuf>,
}

/// # Errors
/// When there is no audit log, when it does not hold, or when the export cannot be written.
pub fn run(args: AuditArgs) -> anyhow::Result<()> {
    match args.command {
        AuditCommand::Verify(args) => run_verify(&args),
        AuditCommand::Export(args) => run_export(&args),
    }
}

fn run_verify(args: &VerifyArgs) -> anyhow::Result<()> {
    let dir = args.place.folder()?;
    let verified = verify_audit(&dir, args.checkpoint)?;
    let verified = verified.with_context(|| format!("there is no audit log in {}", dir.display()))?;
    let text = if args.json { as_json(&verified).to_string() } else { as_text(&verified) };
    writeln!(io::stdout(), "{text}").context("the result cannot be printed")?;
    holds(Some(verified))
}

/// An error where the audit log does not hold; a station that has none yet holds.
pub(super) fn holds(verified: Option<AuditVerified>) -> anyhow::Result<()> {
    match verified.and_then(|verified| verified.fault) {
        // It may hold: nobody could look.
        Some(fault @ AuditFault::Unreadable { .. }) => {
            Err(anyhow::Error::new(fault).context("the audit log cannot be checked to its end"))
        }
        Some(fault) => Err(anyhow::Error::new(fault).context("the audit log does not hold")),
        None => Ok(()),
    }
}

pub(super) fn as_text(verified: &AuditVerified) -> String {
    let AuditVerified { checkpoint, rows, fault } = verified;
    let holds = match fault {
        None => "the audit log holds",
        Some(AuditFault::Unreadable { .. }) => "the audit log cannot be read behind this",
        Some(_) => "the audit log does not hold behind this",
    };
    format!("audit rows {rows}\naudit checkpoint {checkpoint}\n{holds}")
}

pub(super) fn as_json(verified: &AuditVerified) -> serde_json::Value {
    serde_json::json!({
        "holds": verified.fault.is_none(),
        "checkpoint": verified.checkpoint.to_string(),
        "rows": verified.rows,
        "fault": verified.fault.as_ref().map(ToString::to_string),
    })
}

fn run_export(args: &ExportArgs) -> anyhow::Result<()> {
    let dir = args.place.folder()?;
    let Some(path) = &args.out else {
        export_audit(&dir, &mut BufWriter::new(io::stdout().lock()))?;
        return Ok(());
    };
    let file = File::create(path).with_context(|| format!("{} cannot be written", path.display()))?;
    let count = export_audit(&dir, &mut BufWriter::new(&file))?;
    file.sync_all().with_context(|| format!("{} cannot be flushed to the disk", path.display()))?;
    writeln!(io::stderr(), "{count} rows written to {}", path.display()).context("the result cannot be printed")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;

    #[test]
    fn what_cannot_be_read_is_not_said_to_be_forged() {
        let with = |fault| AuditVerified { checkpoint: Checkpoint::START, rows: 0, fault: Some(fault) };
        let unread = with(AuditFault::Unreadable { row: 1, detail: "disk I/O error".to_owned() });
        assert!(as_text(&unread).ends_with("the audit log cannot be read behind this"));
        assert_eq!(holds(Some(unread)).unwrap_err().to_string(), "the audit log cannot be checked to its end");
        let changed = with(AuditFault::Changed { row: 1 });
        assert!(as_text(&changed).ends_with("the audit log does not hold behind this"));
        assert_eq!(holds(Some(changed)).unwrap_err().to_string(), "the audit log does not hold");
    }
}
