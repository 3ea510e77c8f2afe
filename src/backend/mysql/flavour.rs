//! What MariaDB and MySQL differ in, as far as a connection must know it: pure questions.

use std::collections::BTreeMap;

use crate::dialect::Dialect;

/// The settings by which a cluster is known.
pub(super) const CLUSTER: &[&str] = &["wsrep_on", "group_replication_group_name"];

/// The dialect and the version of a server that calls itself so: `10.11.19-MariaDB-0+deb12u1`, `8.4.3`.
pub(super) fn of(said: &str) -> (Dialect, String) {
    let dialect =
        if said.to_ascii_lowercase().contains("mariadb") { Dialect::MariaDb } else { Dialect::MySql };
    // servers up to 10.x hide their version behind a `5.5.5-` from old replicas
    let bare = said.strip_prefix("5.5.5-").unwrap_or(said);
    let version = bare.split(|c: char| !c.is_ascii_digit() && c != '.').next().unwrap_or(bare);
    (dialect, version.to_owned())
}

/// Whether a `sql_mode` changes how the server prints definitions.
pub(super) fn is_odd(mode: &str) -> bool {
    mode.split(',').any(|word| {
        matches!(
            word,
            "ANSI"
                | "ANSI_QUOTES"
                | "ORACLE"
                | "DB2"
                | "MAXDB"
                | "MSSQL"
                | "NO_BACKSLASH_ESCAPES"
                | "POSTGRESQL"
        )
    })
}

/// What to say where the URL speaks of the other of both.
pub(super) fn other_server(dialect: Dialect, said: &str) -> String {
    let other = dialect.facts();
    format!(
        "the server is {} ({said}), the URL says otherwise: write `{dialect}://…`, or set `dialects: [{dialect}]`",
        other.title
    )
}

/// Why the guard would not keep two runs apart, if this server is a node of a cluster.
pub(super) fn cluster(variables: &BTreeMap<String, String>) -> Option<String> {
    let value = |name: &str| variables.get(name).map_or("", String::as_str);
    let local = "`GET_LOCK` is local to a node, so it would not keep two runs on two nodes apart";
    if matches!(value("wsrep_on"), "ON" | "1") {
        return Some(format!("this server is a node of a Galera cluster (`wsrep_on`): {local}"));
    }
    let group = value("group_replication_group_name");
    (!group.is_empty()).then(|| format!("this server belongs to the replication group `{group}`: {local}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        assert_eq!(of("10.11.19-MariaDB-0+deb12u1"), (Dialect::MariaDb, "10.11.19".to_owned()));
        assert_eq!(of("5.5.5-10.3.2-MariaDB"), (Dialect::MariaDb, "10.3.2".to_owned()));
        assert_eq!(of("8.4.3"), (Dialect::MySql, "8.4.3".to_owned()));
    }

    #[test]
    fn clusters_are_refused_by_name() {
        let of = |pairs: &[(&str, &str)]| {
            cluster(&pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect())
        };
        assert!(of(&[("wsrep_on", "ON")]).is_some_and(|why| why.contains("Galera")));
        assert!(of(&[("group_replication_group_name", "aaaa")]).is_some_and(|why| why.contains("`aaaa`")));
        assert_eq!(of(&[("wsrep_on", "OFF"), ("group_replication_group_name", "")]), None);
        assert_eq!(of(&[]), None);
    }
}
