//! A package's folder as it is shown: the same in every checkout, so never a path of this machine.
//!
//! A crate of a registry is its name and version, everything else a path relative to the application,
//! with `..` where it lies outside, and `/` on every platform. Paths are compared as they are written:
//! Cargo follows no symlinks either, and where a link leads to may differ from machine to machine.

use std::path::{Component, Path, PathBuf};

use super::graph::Package;

/// How the folder of a package is shown to an application in `root`.
pub(super) fn folder(root: &Path, package: &Package) -> String {
    // Cargo writes paths as it was called, and a kept answer may be from a call through another link
    let canonical = fs_err::canonicalize(root).unwrap_or_else(|_| root.to_owned());
    let ways = [plain(root), canonical].map(|root| way(&root, &package.root));
    let shortest =
        ways.into_iter().flatten().min_by_key(|way| way.split('/').filter(|part| *part == "..").count());
    match shortest {
        Some(way) if !(package.external && (way == ".." || way.starts_with("../"))) => way,
        _ if package.external => format!("{}-{}", package.name, package.version),
        // another drive of Windows
        _ => package.root.to_string_lossy().into_owned(),
    }
}

/// An absolute path without `.` and `..`.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => _ = plain.pop(),
            part => plain.push(part),
        }
    }
    plain
}

/// The relative path from one folder to another; empty for the same one.
fn way(from: &Path, to: &Path) -> Option<String> {
    let (from, to): (Vec<_>, Vec<_>) = (from.components().collect(), to.components().collect());
    let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    if common == 0 {
        return None;
    }
    let up = from[common..].iter().map(|_| "..".into());
    let down = to[common..].iter().map(|part| part.as_os_str().to_string_lossy());
    Some(up.chain(down).collect::<Vec<_>>().join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(root: &str, package: &str, external: bool) -> String {
        let package = Package {
            name: "users".to_owned(),
            version: "1.2.3".to_owned(),
            root: package.into(),
            external,
            declared: None,
            dependencies: Vec::new(),
        };
        folder(Path::new(root), &package)
    }

    #[test]
    fn a_folder_is_relative_to_the_application() {
        for (root, package, wanted) in [
            ("/w/app", "/w/app", ""),
            ("/w/app", "/w/app/crates/users", "crates/users"),
            ("/w/app", "/w/users", "../users"),
            ("/w/app", "/w/application/users", "../application/users"),
            ("/w/apps/shop", "/w/libs/users", "../../libs/users"),
            ("/w/apps/shop", "/w", "../.."),
            ("/app", "/users", "../users"),
            ("/w/x/../app", "/w/users", "../users"),
            ("/w/./app/", "/w/users", "../users"),
        ] {
            assert_eq!(shown(root, package, false), wanted, "{package} in {root}");
        }
    }

    #[test]
    fn a_crate_of_a_registry_is_its_name_unless_it_is_vendored() {
        assert_eq!(shown("/w/app", "/home/me/.cargo/registry/src/x/users-1.2.3", true), "users-1.2.3");
        assert_eq!(shown("/w/app", "/w/users", true), "users-1.2.3");
        assert_eq!(shown("/w/app", "/w/app/vendor/users", true), "vendor/users");
    }

    #[test]
    fn links_are_not_followed_but_the_application_may_be_behind_one() {
        let place = tempfile::tempdir().unwrap();
        let real = place.path().join("real");
        fs_err::create_dir_all(real.join("app")).unwrap();
        let link = place.path().join("link");
        fs_err::os::unix::fs::symlink(&real, &link).unwrap();
        let real = fs_err::canonicalize(real).unwrap();
        for package in [link.join("users"), real.join("users")] {
            let root = link.join("app");
            assert_eq!(shown(root.to_str().unwrap(), package.to_str().unwrap(), false), "../users");
        }
    }
}
