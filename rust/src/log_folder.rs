//! Listing a table's log on a local disk from some entry on.

use std::fs;
use std::io;
use std::path::Path as FsPath;

/// Names in `folder` that follow `after` and can be log files, sorted. Every reader lists the log
/// from a checkpoint on, and a log of a week has hundreds of thousands of entries: the names of those that nobody asked for must cost
/// next to nothing. None: the folder holds something a log does not (a folder, a link, a name of other characters), so
/// that only the general listing can say how it is to be spelt.
pub fn names_after(folder: &FsPath, after: &str) -> io::Result<Option<Vec<String>>> {
    let entries = match fs::read_dir(folder) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Some(Vec::new())),
        entries => entries?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry?;
        if !entry.file_type()?.is_file() {
            return Ok(None);
        }
        let name = entry.file_name();
        if name.as_encoded_bytes() <= after.as_bytes() {
            continue;
        }
        match name.to_str() {
            Some(name) if name.bytes().all(is_plain) => names.push(name.to_string()),
            // A write under way, which listings leave out.
            Some(name) if is_staged(name) => {}
            _ => return Ok(None),
        }
    }
    names.sort_unstable();
    Ok(Some(names))
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-')
}

/// `name#123`, as the local store and ours name what is not complete.
fn is_staged(name: &str) -> bool {
    let Some((name, digits)) = name.rsplit_once('#') else { return false };
    name.bytes().all(is_plain) && !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder_with(names: &[&str]) -> std::path::PathBuf {
        let folder = std::env::temp_dir().join(format!("weir_log_folder_{}", uuid::Uuid::new_v4()));
        fs::create_dir(&folder).expect("a folder");
        for name in names {
            fs::write(folder.join(name), b"").expect("a file");
        }
        folder
    }

    #[test]
    fn names_after_an_entry_are_sorted_and_complete() {
        let folder = folder_with(&["3.json", "1.json", "2.checkpoint.parquet", "2.json", "_last_checkpoint", "4.json#17"]);
        let names = names_after(&folder, "1.json").expect("readable").expect("plain");
        assert_eq!(names, ["2.checkpoint.parquet", "2.json", "3.json", "_last_checkpoint"]);
        fs::remove_dir_all(folder).expect("removed");
    }

    #[test]
    fn what_is_not_plain_is_left_to_the_general_listing() {
        let folder = folder_with(&["1.json", "2 3.json"]);
        assert!(names_after(&folder, "1").expect("readable").is_none());
        fs::remove_file(folder.join("2 3.json")).expect("removed");
        fs::create_dir(folder.join("_sidecars")).expect("a folder");
        assert!(names_after(&folder, "1").expect("readable").is_none());
        fs::remove_dir_all(folder).expect("removed");
    }

    #[test]
    fn a_folder_that_is_not_there_is_empty() {
        assert_eq!(names_after(FsPath::new("/no/such/folder"), "").expect("fine"), Some(Vec::new()));
    }
}
