//! A bundle from its text, after every byte was proved to be as it was written.

use std::collections::{BTreeMap, BTreeSet};

use super::settings::{dialect, namespace};
use super::{Bundle, FORMAT, FORMAT_VERSION, head, settings, wire};
use crate::diagnostic::Diagnostic;
use crate::id::{Checksum, MigrationId, Version};
use crate::migration::{Allow, Former, Migration, Phase, Script, Scripts};
use crate::module::{CheckQuery, Format, Module, Origin};

/// Reads a bundle; `path` is how its file is called in messages.
pub fn parse(path: &str, bytes: &[u8]) -> Result<Bundle, Diagnostic> {
    let (written, content) = opened(path, bytes)?;
    let found = Checksum::of(content);
    if written != found.to_string() || !bytes.starts_with(head(&found).as_bytes()) {
        return Err(changed(path, &written, found, content));
    }
    let object = [b"{", content].concat();
    let content: wire::Content = serde_json::from_slice(&object).map_err(|error| foreign(path, error))?;
    bundle(content).map_err(|what| foreign(path, what))
}

/// The digest that the head names, and what it is over.
fn opened<'a>(path: &str, bytes: &'a [u8]) -> Result<(String, &'a [u8]), Diagnostic> {
    let no_bundle = || {
        Diagnostic::new(format!("`{path}` is not a bundle, or its first lines were changed"))
            .help("make one with `db-migrations bundle -o FILE`")
    };
    let start = format!("{{\n  \"format\": \"{FORMAT}\",\n  \"format_version\": ");
    let rest = bytes.strip_prefix(start.as_bytes()).ok_or_else(no_bundle)?;
    let (version, rest) = until(rest, b",\n  \"sha256\": \"").ok_or_else(no_bundle)?;
    let version: u32 = version.parse().map_err(|_| no_bundle())?;
    if version != FORMAT_VERSION {
        return Err(Diagnostic::new(format!(
            "`{path}` is a bundle of format {version}; this version reads format {FORMAT_VERSION}"
        ))
        .help("use the db-migrations that made it, or a newer one"));
    }
    let (digest, content) = until(rest, b"\",\n").ok_or_else(no_bundle)?;
    Ok((digest.to_owned(), content))
}

/// A short text before a mark, and all behind it.
fn until<'a>(bytes: &'a [u8], mark: &[u8]) -> Option<(&'a str, &'a [u8])> {
    let near = &bytes[..bytes.len().min(64 + mark.len())];
    let at = near.windows(mark.len()).position(|window| window == mark)?;
    Some((std::str::from_utf8(&bytes[..at]).ok()?, &bytes[at + mark.len()..]))
}

fn changed(path: &str, written: &str, found: Checksum, content: &[u8]) -> Diagnostic {
    let fault = Diagnostic::new(format!("`{path}` was changed or damaged since it was made"))
        .note(format!("it says that its SHA-256 is {written:?}; that of its content is {found}"));
    let whole = content.ends_with(b"\n}\n");
    let fault = if whole {
        fault
    } else {
        fault.note("its end is missing, or something stands behind it: was a copy cut off?")
    };
    fault.help("copy it again, or make it anew with `db-migrations bundle`")
}

/// The digest fits, and yet this version did not write it.
fn foreign(path: &str, what: impl std::fmt::Display) -> Diagnostic {
    Diagnostic::new(format!("`{path}` cannot be read as a bundle"))
        .cause(what)
        .help("make it anew with `db-migrations bundle`, with the version that shall read it")
}

fn bundle(content: wire::Content) -> Result<Bundle, String> {
    let mut config = settings::of_wire(content.settings)?;
    config.lock.clone_from(&content.lock.path);
    let mut snapshots = BTreeMap::new();
    for (name, file) in content.snapshots {
        let dialect = dialect(&name)?;
        if let Some(prefix) = file.path.strip_suffix(&format!(".{dialect}.sql")) {
            prefix.clone_into(&mut config.snapshot);
        }
        snapshots.insert(dialect, sealed(file)?);
    }
    let modules = content.modules.into_iter().map(module).collect::<Result<_, _>>()?;
    Ok(Bundle { config, release: content.release, lock: sealed(content.lock)?, modules, snapshots })
}

/// The text of a file whose digest is the one that stands there.
fn sealed(file: wire::File) -> Result<String, String> {
    seal(&file.path, &file.sha256, &file.text)?;
    Ok(file.text)
}

fn seal(path: &str, digest: &str, text: &str) -> Result<Checksum, String> {
    let found = Checksum::of(text.as_bytes());
    if digest.as_bytes() == found.hex() {
        return Ok(found);
    }
    Err(format!("the text of `{path}` is not the one of its SHA-256"))
}

fn module(wire: wire::Module) -> Result<Module, String> {
    let format = Format::from_name(&wire.format);
    let depends_on = wire.depends_on.iter().map(|name| namespace(name));
    Ok(Module {
        namespace: namespace(&wire.namespace)?,
        origin: match wire.origin {
            wire::Origin::Application => Origin::Application,
            wire::Origin::Crate { name, version, external } => Origin::Crate { name, version, external },
            wire::Origin::Folder => Origin::Folder,
        },
        folder: wire.folder,
        format: format.ok_or_else(|| format!("`{}` is no format that this version knows", wire.format))?,
        depends_on: depends_on.collect::<Result<BTreeSet<_>, _>>()?,
        migrations: wire.migrations.into_iter().map(migration).collect::<Result<_, _>>()?,
        checks: wire.checks.into_iter().map(check).collect::<Result<_, _>>()?,
    })
}

fn migration(wire: wire::Migration) -> Result<Migration, String> {
    let no_version = || format!("the version of `{}` cannot be read", wire.id);
    let version = match &wire.version {
        wire::Version::Number(digits) => Version::number(digits).ok_or_else(no_version)?,
        wire::Version::Parts(parts) => Version::parts(&parts.join(".")).ok_or_else(no_version)?,
        wire::Version::Text(text) => Version::text(text),
    };
    Ok(Migration {
        id: id(&wire.id)?,
        version,
        up: scripts(wire.up)?,
        down: scripts(wire.down)?,
        depends_on: wire.depends_on.iter().map(|text| id(text)).collect::<Result<_, _>>()?,
        replaces: wire.replaces.iter().map(|text| former(text)).collect::<Result<_, _>>()?,
        phase: match wire.phase {
            wire::Phase::Expand => Phase::Expand,
            wire::Phase::Contract => Phase::Contract,
        },
        contract_of: wire.contract_of.iter().map(|text| id(text)).collect::<Result<_, _>>()?,
        catch_up: wire.catch_up,
        allow: wire.allow.into_iter().map(|one| Allow { rule: one.rule, reason: one.reason }).collect(),
    })
}

fn id(text: &str) -> Result<MigrationId, String> {
    text.parse().map_err(|error| format!("{text:?} is no id: {error}"))
}

fn former(text: &str) -> Result<Former, String> {
    text.parse().map_err(|error| format!("{text:?} is no id: {error}"))
}

fn scripts(wire: wire::Scripts) -> Result<Scripts, String> {
    let mut scripts = Scripts::default();
    for (name, one) in wire {
        let one = script(one)?;
        if name == "any" {
            scripts.plain = Some(one);
        } else {
            scripts.variants.insert(dialect(&name)?, one);
        }
    }
    Ok(scripts)
}

fn script(wire: wire::Script) -> Result<Script, String> {
    let hash = seal(&wire.path, &wire.sha256, &wire.text)?;
    Ok(Script {
        text: wire.text.into(),
        path: wire.path.into(),
        lines_before: wire.lines_before,
        hash,
        no_transaction: wire.no_transaction,
        foreign_keys: wire.foreign_keys,
        session: wire.session,
        replaces: wire.replaces.iter().map(|text| former(text)).collect::<Result<_, _>>()?,
        raw: wire.raw.map(Into::into),
    })
}

fn check(wire: wire::Check) -> Result<CheckQuery, String> {
    seal(&wire.path, &wire.sha256, &wire.text)?;
    let dialect = wire.dialect.map(|name| dialect(&name)).transpose()?;
    Ok(CheckQuery { path: wire.path, text: wire.text, dialect })
}
