//! Names of data files.

use object_store::path::Path;

/// Puts `prefix` before the name of a data file; folders and other files keep theirs.
pub fn with_prefix(location: &Path, prefix: &str) -> Path {
    match location.filename() {
        Some(name) if name.starts_with("part-") && name.ends_with(".parquet") => {
            let full = location.as_ref();
            let folder = &full[..full.len() - name.len()];
            // The text was a valid path and the prefix is checked, so this cannot fail.
            Path::parse(format!("{folder}{prefix}{name}")).unwrap_or_else(|_| location.clone())
        }
        _ => location.clone(),
    }
}

/// A prefix may hold letters, digits, `-`, `_` and `.`, so that it is the same text in a
/// file name, a URL and a Delta path; it must not hide the file from readers, who skip
/// names with a leading `_` or `.`.
pub fn is_valid_prefix(prefix: &str) -> bool {
    prefix.len() <= 100
        && !prefix.starts_with(['_', '.'])
        && prefix.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}
