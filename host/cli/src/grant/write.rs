//! Writes a grant so that a reader sees the old file or the new one, never half of one.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use tombolo_kernel::grant::{Approval, Grant};

use tombolo_server::whole;

const HEAD: &str = "# Written by `tombolo grant approve`. It binds one adapter digest and exact places; to change it, change the
# system file and approve again.
";
/// A name or a reason, bytes; longer ones belong into the site's history.
const WORDS: usize = 2_000;

/// Writes `grants/SYSTEM.yaml` of the site.
pub(super) fn write(site: &Path, grant: &Grant) -> anyhow::Result<PathBuf> {
    let said = |one: &Approval| [("--by", one.by.clone()), ("--reason", one.reason.clone())];
    for (what, text) in grant.approved.iter().chain(&grant.revoked).flat_map(said) {
        if text.trim().is_empty() || text.len() > WORDS {
            bail!("{what} is empty or longer than {WORDS} bytes; an approval says who and why");
        }
    }
    let folder = site.join("grants");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let file = folder.join(format!("{}.yaml", grant.system));
    let text = serde_saphyr::to_string(grant).context("the grant cannot be written as YAML")?;
    let back: Grant = serde_saphyr::from_str(&text).context("the grant cannot be read back")?;
    if back != *grant {
        bail!("the grant would be read back differently; nothing is written");
    }
    whole::replace(&file, format!("{HEAD}{text}").as_bytes(), whole::READABLE)
        .with_context(|| format!("cannot write {}", file.display()))?;
    Ok(file)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use tombolo_kernel::grant::{Approval, GrantedAdapter, Item};

    use super::*;

    fn grant(by: &str) -> Grant {
        let mut grant = Grant::of(
            "erp".into(),
            GrantedAdapter {
                name: "tombolo/sql".into(),
                version: "0.1.0".into(),
                digest: format!("sha256:{}", "a".repeat(64)),
            },
            Approval {
                by: by.into(),
                at: "2026-11-22T03:00:00.000Z".into(),
                reason: "yes: \"no\" # 1\nline two".into(),
                signature: None,
            },
            vec![
                Item::Sql {
                    connection: "db".into(),
                    place: "sqlite:erp.db".into(),
                    statement: "stock".into(),
                    effect: tombolo_manifest::Effect::Read,
                    text: "SELECT '\u{1b}: #' -- null\n  FROM t".into(),
                },
                Item::Emit {
                    event: "null".into(),
                },
            ],
        );
        grant.refused = vec![Item::Emit { event: "~".into() }];
        grant.expires = Some("2027-01-01T00:00:00Z".into());
        grant
    }

    #[test]
    fn what_is_written_is_read_back_the_same_whatever_the_texts_contain() {
        let site = tempfile::tempdir().unwrap();
        let file = write(site.path(), &grant("0x1f")).unwrap();
        let text = fs::read_to_string(&file).unwrap();
        assert_eq!(
            serde_saphyr::from_str::<Grant>(&text).unwrap(),
            grant("0x1f")
        );
        assert_eq!(
            fs::read_dir(file.parent().unwrap()).unwrap().count(),
            1,
            "no temporary file stays"
        );
    }

    #[test]
    fn an_approval_without_a_name_is_refused() {
        let site = tempfile::tempdir().unwrap();
        assert!(write(site.path(), &grant(" ")).is_err());
        assert!(!site.path().join("grants").exists());
    }
}
