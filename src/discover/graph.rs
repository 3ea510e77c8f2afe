//! The crate graph, reduced to what discovery asks of it.
//!
//! A value without Cargo: `cargo` makes it, `cache` keeps it.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// A package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Package {
    pub(super) name: String,
    pub(super) version: String,
    /// The folder of its manifest.
    pub(super) root: PathBuf,
    /// From a registry or git.
    pub(super) external: bool,
    /// `[package.metadata.db-migrations]`.
    pub(super) declared: Option<serde_json::Value>,
    /// Normal dependencies on any platform, as indexes.
    pub(super) dependencies: Vec<usize>,
}

/// Packages and who depends on whom.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Graph {
    pub(super) packages: Vec<Package>,
    /// The application's.
    pub(super) application: usize,
    /// The application and the plugins.
    pub(super) roots: Vec<usize>,
}

impl Graph {
    /// What can be reached, `from` included.
    pub(super) fn reach(&self, from: &[usize]) -> BTreeSet<usize> {
        let mut reached = BTreeSet::new();
        let mut open = from.to_vec();
        while let Some(at) = open.pop() {
            if reached.insert(at) {
                open.extend(self.packages.get(at).iter().flat_map(|package| &package.dependencies));
            }
        }
        reached
    }

    /// Whether the indexes fit: what comes from a file may be anything.
    pub(super) fn is_sound(&self) -> bool {
        let known = |at: &usize| *at < self.packages.len();
        known(&self.application)
            && self.roots.iter().all(known)
            && self.packages.iter().all(|package| package.dependencies.iter().all(known))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reach_is_transitive() {
        let package = |dependencies: &[usize]| Package {
            name: String::new(),
            version: String::new(),
            root: PathBuf::new(),
            external: false,
            declared: None,
            dependencies: dependencies.to_vec(),
        };
        let packages = vec![package(&[1]), package(&[2]), package(&[]), package(&[0])];
        let graph = Graph { packages, application: 0, roots: vec![0, 3] };
        assert_eq!(graph.reach(&[0]), BTreeSet::from([0, 1, 2]));
        assert_eq!(graph.reach(&[3]).len(), 4);
        assert!(graph.is_sound());
        assert!(!Graph::default().is_sound());
    }
}
