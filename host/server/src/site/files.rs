//! Finds and bounds the files of a site. Reads regular files only: a pipe would keep the host waiting.

use std::io::Read;
use std::path::Path;

use tombolo_flow::problem::Problem;
use tombolo_kernel::limits;

/// `(stem, "systems/stem.yaml")` of every YAML file in a folder of the site, sorted. A missing folder is empty.
pub(crate) fn files_of(
    folder: &Path,
    kind: &str,
    problems: &mut Vec<Problem>,
) -> Vec<(String, String)> {
    for (stem, file) in files_ending(folder, kind, ".yml", problems) {
        let message = format!("found the ending .yml, expected {stem}.yaml; rename it");
        problems.push(whole_file(&file, &message));
    }
    files_ending(folder, kind, ".yaml", &mut Vec::new())
}

/// The files of another ending.
pub(crate) fn files_ending(
    folder: &Path,
    kind: &str,
    ending: &str,
    problems: &mut Vec<Problem>,
) -> Vec<(String, String)> {
    let entries = match std::fs::read_dir(folder.join(kind)) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Vec::new(),
        Err(error) => {
            problems.push(whole_file(
                kind,
                &format!("cannot be read: {error}; expected a folder"),
            ));
            return Vec::new();
        }
    };
    let mut files = Vec::new();
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(name) = name.to_str().filter(|name| !name.starts_with('.')) else {
            continue;
        };
        if let Some(stem) = name.strip_suffix(ending) {
            files.push((stem.to_owned(), format!("{kind}/{name}")));
        }
    }
    files.sort();
    files
}

pub(crate) fn text_of(folder: &Path, file: &str, problems: &mut Vec<Problem>) -> Option<String> {
    let text = bounded(&folder.join(file), limits::SITE_FILE).and_then(|bytes| {
        String::from_utf8(bytes).map_err(|error| {
            format!(
                "found bytes that are not UTF-8 after byte {}, expected text",
                error.utf8_error().valid_up_to()
            )
        })
    });
    text.map_err(|message| problems.push(whole_file(file, &message)))
        .ok()
}

/// Like [`bounded`], for what must not change behind the operator's back: no link out of its own folder, and no second
/// name. A link inside the folder is how a cluster's configuration is mounted.
pub(crate) fn bounded_alone(path: &Path, most: u64) -> Result<Vec<u8>, String> {
    let cannot = |error: std::io::Error| format!("cannot be read: {error}");
    let folder = path.parent().unwrap_or(Path::new("."));
    let folder = std::fs::canonicalize(folder).map_err(cannot)?;
    let file = std::fs::canonicalize(path).map_err(cannot)?;
    if !file.starts_with(&folder) {
        return Err(
            "found a link that leads out of its folder, expected the file itself: copy it there"
                .to_owned(),
        );
    }
    let names = std::fs::metadata(&file).map_err(cannot)?;
    if names.is_file() && links(&names) > 1 {
        return Err(format!(
            "found a file with {} names (hard links), expected one: copy it, so that no other name changes it",
            links(&names)
        ));
    }
    bounded(&file, most)
}

#[cfg(unix)]
fn links(metadata: &std::fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::nlink(metadata)
}

#[cfg(not(unix))]
fn links(_metadata: &std::fs::Metadata) -> u64 {
    1
}

/// A regular file, whole, of at most `most` bytes.
pub(crate) fn bounded(path: &Path, most: u64) -> Result<Vec<u8>, String> {
    let cannot = |error: std::io::Error| format!("cannot be read: {error}");
    // Asked before opening: opening a pipe would wait for its writer.
    if !std::fs::metadata(path).map_err(cannot)?.is_file() {
        return Err("found something that is not a regular file; expected a file".to_owned());
    }
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .map_err(cannot)?
        .take(most + 1)
        .read_to_end(&mut bytes)
        .map_err(cannot)?;
    if bytes.len() as u64 > most {
        return Err(format!(
            "found more than {}, expected at most that",
            if most < 1 << 20 {
                format!("{most} bytes")
            } else {
                format!("{} MiB", most >> 20)
            }
        ));
    }
    Ok(bytes)
}

pub(crate) fn whole_file(file: &str, message: &str) -> Problem {
    Problem {
        file: file.to_owned(),
        line: 0,
        column: 0,
        message: message.to_owned(),
    }
}
