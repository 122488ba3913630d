//! Keys as files: made by us or by openssl, kept from others, never written over.

use super::support::{accepted, key, signed, store};
use assay::cli;
use assay::domain::Digest;
use assay::trust::{KeyError, PrivateKey, PublicKey, TrustStore};
use clap::Parser;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

#[derive(Parser)]
struct KeyCommand {
    #[command(flatten)]
    args: cli::key::KeyArgs,
}

#[derive(Parser)]
struct BundleCommand {
    #[command(flatten)]
    args: cli::bundle::BundleArgs,
}

fn assay_key(line: &[&str]) -> anyhow::Result<()> {
    let words = std::iter::once("assay").chain(line.iter().copied());
    cli::key::run(KeyCommand::try_parse_from(words)?.args)
}

fn assay_bundle(line: &[&str]) -> anyhow::Result<()> {
    let words = std::iter::once("assay").chain(line.iter().copied());
    cli::bundle::run(BundleCommand::try_parse_from(words)?.args)
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_private_key_is_its_owners_alone_and_never_written_over() {
    let dir = tempfile::tempdir().unwrap();
    let (private, public) = (dir.path().join("a.pem"), dir.path().join("a.pub.pem"));
    assay_key(&["generate", "--out", text(&private)]).unwrap();
    assert_eq!(std::fs::metadata(&private).unwrap().permissions().mode() & 0o7777, 0o600);
    let before = (std::fs::read(&private).unwrap(), std::fs::read(&public).unwrap());
    assert!(assay_key(&["generate", "--out", text(&private)]).is_err());
    // Nor through the public half alone.
    let other = dir.path().join("b.pem");
    assert!(assay_key(&["generate", "--out", text(&other), "--public", text(&public)]).is_err());
    assert!(!other.exists());
    assert_eq!((std::fs::read(&private).unwrap(), std::fs::read(&public).unwrap()), before);
    assert!(key().save_new(&private).is_err());
}

/// At whichever step it ends for want of a descriptor: what is told to have failed has changed nothing.
#[test]
fn a_trust_store_that_cannot_be_written_for_want_of_descriptors_is_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("trust.json");
    let bundle = Digest::of(b"bundle").to_string();
    let (mut refused, mut written) = (0, 0);
    for descriptors in 3..=16 {
        store(&[]).save(&path).unwrap();
        let before = std::fs::read(&path).unwrap();
        let assay = assay_tests::station::assay().unwrap();
        let mut limited = Command::new("sh");
        limited.args(["-c", "ulimit -n \"$1\" && shift && exec \"$@\"", "sh", &descriptors.to_string()]);
        limited.arg(assay.get_program()).args(["key", "revoke", "--store", text(&path), "--bundle", &bundle]);
        let output = limited.args(["--reason", "bad batch"]).output().unwrap();
        let changed = std::fs::read(&path).unwrap() != before;
        assert_eq!(changed, output.status.success(), "{descriptors} descriptors: {output:?}");
        written += u32::from(changed);
        refused += u32::from(String::from_utf8_lossy(&output.stderr).contains("trust.json"));
    }
    assert!(refused > 0 && written > 0, "{refused} writes refused, {written} done");
}

#[test]
fn a_private_key_that_others_can_read_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.pem");
    key().save_new(&path).unwrap();
    PrivateKey::load(&path).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    assert!(matches!(PrivateKey::load(&path), Err(KeyError::OpenToOthers { mode: 0o640, .. })));
}

#[test]
fn a_public_key_in_the_place_of_the_private_one_is_called_that() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.pub.pem");
    std::fs::write(&path, key().public().to_pem().unwrap()).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(matches!(PrivateKey::load(&path), Err(KeyError::PublicForPrivate { .. })));
}

#[test]
fn a_private_key_is_not_printed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.pem");
    let key = key();
    key.save_new(&path).unwrap();
    assert_eq!(format!("{key:?}"), format!("PrivateKey of {}", key.public().id()));
}

#[test]
fn keys_in_other_forms_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.pem");
    key().save_new(&path).unwrap();
    let private = std::fs::read_to_string(&path).unwrap();
    let public = key().public().to_pem().unwrap();
    for pem in ["", "garbage", private.as_str(), &public.replace("MCow", "MCox"), &public[..60]] {
        assert!(PublicKey::from_pem(pem).is_err(), "{pem}");
    }
    for pem in ["", "garbage", public.as_str(), &private[..60]] {
        assert!(PrivateKey::from_pem(pem).is_err(), "{pem}");
    }
}

fn openssl(arguments: &[&str]) -> Option<Vec<u8>> {
    let output = Command::new("openssl").args(arguments).output().ok()?;
    assert!(output.status.success(), "openssl {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    Some(output.stdout)
}

#[test]
fn openssl_reads_our_keys_and_we_read_its_keys() {
    if openssl(&["version"]).is_none() {
        eprintln!("skipped: openssl is not installed");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    let ours = key();
    ours.save_new(&path("ours.pem")).unwrap();
    let public = openssl(&["pkey", "-in", text(&path("ours.pem")), "-pubout"]).unwrap();
    assert_eq!(String::from_utf8(public).unwrap(), ours.public().to_pem().unwrap());
    openssl(&["genpkey", "-algorithm", "ed25519", "-out", text(&path("theirs.pem"))]).unwrap();
    std::fs::set_permissions(path("theirs.pem"), std::fs::Permissions::from_mode(0o600)).unwrap();
    let theirs = PrivateKey::load(&path("theirs.pem")).unwrap();
    openssl(&["pkey", "-in", text(&path("theirs.pem")), "-pubout", "-out", text(&path("theirs.pub.pem"))]).unwrap();
    assert_eq!(PublicKey::load(&path("theirs.pub.pem")).unwrap(), *theirs.public());
    accepted(&signed(&theirs), &store(&[&theirs]));
    // A key of another kind is no key here.
    openssl(&["genpkey", "-algorithm", "ed448", "-out", text(&path("other.pem"))]).unwrap();
    std::fs::set_permissions(path("other.pem"), std::fs::Permissions::from_mode(0o600)).unwrap();
    assert!(matches!(PrivateKey::load(&path("other.pem")), Err(KeyError::BadPrivatePem(_))));
}

#[test]
fn the_commands_make_a_station_that_trusts_its_own_bundles_until_they_are_revoked() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    std::fs::write(path("a.wasm"), b"\0asm\x0d\0\x01\0").unwrap();
    let manifest = "[bundle]\nkind = \"plugin\"\nname = \"a\"\nversion = \"1.0.0\"\ncounter = 1\n\
                    [plugin]\nworld = \"detector\"\ncomponent = \"a.wasm\"\ncapabilities = [\"imaging\"]\n";
    std::fs::write(path("a.toml"), manifest).unwrap();
    let (key, public, store, bundle) = (path("k.pem"), path("k.pub.pem"), path("trust.json"), path("a.assay"));
    let verify = || assay_bundle(&["verify", "--trust", text(&store), text(&bundle)]);
    assay_key(&["generate", "--out", text(&key)]).unwrap();
    assay_key(&["show", text(&key)]).unwrap();
    assay_key(&["trust", "--store", text(&store), "--key", text(&public), "--role", "plugin:*"]).unwrap();
    assay_bundle(&["pack", "--manifest", text(&path("a.toml")), "--out", text(&bundle)]).unwrap();
    assert!(verify().is_err());
    assay_bundle(&["sign", "--key", text(&key), text(&bundle)]).unwrap();
    verify().unwrap();
    assay_bundle(&["inspect", "--json", text(&bundle)]).unwrap();
    assert!(assay_bundle(&["verify", "--trust", text(&store), "--kind", "model", text(&bundle)]).is_err());
    let id = PublicKey::load(&public).unwrap().id().to_string();
    assay_key(&["threshold", "--store", text(&store), "--kind", "plugin", "--count", "2"]).unwrap();
    assert!(verify().is_err());
    assay_key(&["threshold", "--store", text(&store), "--kind", "plugin", "--count", "1"]).unwrap();
    assay_key(&["revoke", "--store", text(&store), "--key-id", &id, "--reason", "test"]).unwrap();
    assert!(verify().is_err());
    assert!(TrustStore::load(&store).unwrap().key_revocation(id.parse().unwrap()).is_some());
    let digest = assay::trust::inspect(&std::fs::read(&bundle).unwrap()).unwrap().digest;
    let revoke = |what: &[&str]| assay_key(&[&["revoke", "--store", text(&store), "--reason", "test"], what].concat());
    revoke(&["--bundle", &digest.to_string(), "--severity", "block-new"]).unwrap();
    assert!(TrustStore::load(&store).unwrap().bundle_revocation(digest).is_some());
    assert!(revoke(&[]).is_err());
    assert!(revoke(&["--key-id", &id, "--bundle", &digest.to_string()]).is_err());
}

#[test]
fn a_failed_pack_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("a.toml"), "[bundle]\n").unwrap();
    let (manifest, out) = (dir.path().join("a.toml"), dir.path().join("a.assay"));
    assert!(assay_bundle(&["pack", "--manifest", text(&manifest), "--out", text(&out)]).is_err());
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
}
