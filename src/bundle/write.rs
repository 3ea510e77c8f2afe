//! A bundle as text. The same value gives the same bytes: no clock, no machine, no order of a hash map.

use std::collections::BTreeMap;
use std::path::Path;

use super::{Bundle, settings, wire};
use crate::config::Config;
use crate::diagnostic::Diagnostic;
use crate::dialect::Dialect;
use crate::id::{Checksum, Version};
use crate::migration::{Migration, Phase, Script, Scripts, normalise};
use crate::module::{CheckQuery, Module, Origin};

/// Why a project cannot be bundled.
pub type Unfit = Vec<Diagnostic>;

/// The text of a bundle. Refused is what would be another text on another machine.
pub fn render(bundle: &Bundle) -> Result<String, Unfit> {
    let unfit = unfit(bundle);
    if !unfit.is_empty() {
        return Err(unfit);
    }
    let content = wire::Content {
        tool: concat!("db-migrations ", env!("CARGO_PKG_VERSION")).to_owned(),
        release: bundle.release.clone(),
        settings: settings::to_wire(&bundle.config),
        lock: file(&bundle.config.lock, &bundle.lock),
        snapshots: bundle.snapshots.iter().map(|(dialect, text)| snapshot(bundle, *dialect, text)).collect(),
        modules: bundle.modules.iter().map(|one| module(&bundle.config, one)).collect(),
    };
    let body = serde_json::to_string_pretty(&content)
        .map_err(|error| vec![Diagnostic::new("the bundle cannot be written").cause(error)])?;
    // the head takes the place of the brace and line break before the first key
    let body = format!("{}\n", &body[2..]);
    Ok(super::head(&Checksum::of(body.as_bytes())) + &body)
}

fn unfit(bundle: &Bundle) -> Unfit {
    let mut unfit = Vec::new();
    for variable in &bundle.config.variables {
        let fault = Diagnostic::new(format!(
            "the configuration takes `${{{}}}` from the environment, and a bundle is the same everywhere",
            variable.name
        ));
        let fault = fault.help(
            "write the value itself into the configuration; URLs may have variables, as they are not bundled",
        );
        unfit.push(bundle.config.frame(&variable.span).into_iter().fold(fault, Diagnostic::frame));
    }
    for module in &bundle.modules {
        if Path::new(&module.folder).is_absolute() {
            unfit.push(
                Diagnostic::new(format!(
                    "the module `{}` has no path that is the same on every machine",
                    module.namespace
                ))
                .note(format!("its folder is `{}`, which is one of this machine", module.folder))
                .help("move it to the application's drive, or below its folder"),
            );
        }
    }
    unfit
}

fn file(path: &str, text: &str) -> wire::File {
    let text = normalise(text);
    wire::File { path: path.to_owned(), sha256: digest(&text), text }
}

fn snapshot(bundle: &Bundle, dialect: Dialect, text: &str) -> (String, wire::File) {
    (dialect.name().to_owned(), file(&bundle.config.snapshot_name(dialect), text))
}

fn digest(text: &str) -> String {
    Checksum::of(text.as_bytes()).to_string()
}

fn texts<T: ToString>(values: impl IntoIterator<Item = T>) -> Vec<String> {
    values.into_iter().map(|value| value.to_string()).collect()
}

/// The file as it stands is kept only where it matters: a checkout with other line ends gives the same bundle.
fn without_raw(mut migration: wire::Migration) -> wire::Migration {
    migration.up.values_mut().chain(migration.down.values_mut()).for_each(|script| script.raw = None);
    migration
}

fn module(config: &Config, module: &Module) -> wire::Module {
    let is_application = module.origin == Origin::Application;
    let hashed = config.hashes_files(&module.namespace, is_application);
    let kept = |one: wire::Migration| if hashed { one } else { without_raw(one) };

    let Module { namespace, origin, folder, format, depends_on, migrations, checks } = module;
    wire::Module {
        namespace: namespace.to_string(),
        origin: match origin {
            Origin::Application => wire::Origin::Application,
            Origin::Crate { name, version, external } => {
                wire::Origin::Crate { name: name.clone(), version: version.clone(), external: *external }
            }
            Origin::Folder => wire::Origin::Folder,
        },
        folder: folder.clone(),
        format: format.name().to_owned(),
        depends_on: texts(depends_on),
        migrations: migrations.iter().map(|one| kept(migration(one))).collect(),
        checks: checks.iter().map(check).collect(),
    }
}

fn migration(migration: &Migration) -> wire::Migration {
    let Migration { id, version, up, down, depends_on, replaces, phase, contract_of, catch_up, allow } =
        migration;
    wire::Migration {
        id: id.to_string(),
        version: match version {
            Version::Number(digits) => wire::Version::Number(digits.clone()),
            Version::Parts(parts) => wire::Version::Parts(parts.clone()),
            Version::Text(text) => wire::Version::Text(text.clone()),
        },
        depends_on: texts(depends_on),
        replaces: texts(replaces),
        phase: match phase {
            Phase::Expand => wire::Phase::Expand,
            Phase::Contract => wire::Phase::Contract,
        },
        contract_of: texts(contract_of),
        catch_up: *catch_up,
        allow: allow
            .iter()
            .map(|one| wire::Allow { rule: one.rule.clone(), reason: one.reason.clone() })
            .collect(),
        up: scripts(up),
        down: scripts(down),
    }
}

fn scripts(scripts: &Scripts) -> wire::Scripts {
    let Scripts { plain, variants } = scripts;
    let plain = plain.iter().map(|plain| ("any", plain));
    let variants = variants.iter().map(|(dialect, variant)| (dialect.name(), variant));
    plain.chain(variants).map(|(name, one)| (name.to_owned(), script(one))).collect::<BTreeMap<_, _>>()
}

fn script(script: &Script) -> wire::Script {
    let Script { text, path, lines_before, hash, no_transaction, foreign_keys, session, raw, replaces } =
        script;
    wire::Script {
        path: path.to_string(),
        lines_before: *lines_before,
        no_transaction: *no_transaction,
        foreign_keys: *foreign_keys,
        session: session.clone(),
        replaces: texts(replaces),
        raw: raw.as_deref().map(str::to_owned),
        sha256: hash.to_string(),
        text: text.to_string(),
    }
}

fn check(check: &CheckQuery) -> wire::Check {
    let CheckQuery { path, text, dialect } = check;
    wire::Check {
        path: path.clone(),
        dialect: dialect.map(|dialect| dialect.name().to_owned()),
        sha256: digest(text),
        text: text.clone(),
    }
}
