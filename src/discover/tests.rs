//! Discovery on real files: plugin folders, and tiny Cargo workspaces of path dependencies.

use std::os::unix::fs::PermissionsExt as _;

use fs_err as fs;
use tempfile::TempDir;

use super::*;

/// An application in a temporary folder.
struct App {
    root: TempDir,
    cargo: PathBuf,
}

const LIB: &str = "[package]\nname = \"NAME\"\nversion = \"0.1.0\"\nedition = \"2021\"\n";

impl App {
    fn new(files: &[(&str, &str)]) -> Self {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()).into();
        let app = Self { root: tempfile::tempdir().unwrap(), cargo };
        for (name, text) in files {
            app.write(name, text);
        }
        app
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.root.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// A package with a library, `more` at the end of its manifest.
    fn package(&self, folder: &str, name: &str, more: &str) {
        self.write(&format!("{folder}/Cargo.toml"), &format!("{}{more}", LIB.replace("NAME", name)));
        self.write(&format!("{folder}/src/lib.rs"), "");
    }

    fn lock(&self) {
        let mut cargo = std::process::Command::new(&self.cargo);
        let cargo = cargo.args(["generate-lockfile", "--offline"]).current_dir(self.root.path());
        let output = cargo.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    fn try_discover(&self, config: &str) -> Result<Discovery, Vec<Diagnostic>> {
        let config = crate::config::parse("db-migrations.yml", config, &|_| None)?;
        let mut request = Request::new(self.root.path(), &config);
        request.offline = true;
        request.target = None;
        request.cargo.clone_from(&self.cargo);
        discover(&request)
    }

    fn discover(&self, config: &str) -> Discovery {
        self.try_discover(config).unwrap()
    }

    fn faults(&self, config: &str) -> Vec<String> {
        let faults = self.try_discover(config).map(|found| told(&found)).unwrap_err();
        faults.into_iter().map(|fault| fault.message).collect()
    }
}

/// `namespace(origin)[dependencies]: migrations`.
fn told(discovery: &Discovery) -> Vec<String> {
    let tell = |module: &Module| {
        let depends_on: Vec<_> = module.depends_on.iter().map(Namespace::as_str).collect();
        let names: Vec<_> = module.migrations.iter().map(|migration| migration.id.name()).collect();
        let origin = match module.origin {
            Origin::Application => "app",
            Origin::Crate { .. } => "crate",
            Origin::Folder => "folder",
        };
        format!("{}({origin})[{}]: {}", module.namespace, depends_on.join(" "), names.join(" "))
    };
    discovery.modules.iter().map(tell).collect()
}

const OPT_IN: &str = "[package.metadata.db-migrations]\n";

/// An application that depends on `shop`, that on `glue`, that on `users`; `dev` only for tests.
fn workspace() -> App {
    let app = App::new(&[("migrations/1_a.sql", "SELECT 1;\n")]);
    app.package(
        ".",
        "the-app",
        "[dependencies]\nshop = { path = \"crates/shop\" }\n[dev-dependencies]\ndev = { path = \"crates/dev\" }\n[workspace]\nmembers = [\"crates/*\"]\n",
    );
    app.package("crates/shop", "shop", &format!("{OPT_IN}[dependencies]\nglue = {{ path = \"../glue\" }}\n"));
    app.package("crates/glue", "glue", "[dependencies]\nusers = { path = \"../users\" }\n");
    app.package("crates/users", "users", &format!("{OPT_IN}namespace = \"people\"\npath = \"sql\"\n"));
    app.package("crates/dev", "dev", OPT_IN);
    app.write("crates/shop/migrations/1_shop.sql", "");
    app.write("crates/glue/migrations/V1__glue.sql", "");
    app.write("crates/users/sql/1_users/up.sql", "");
    app.write("crates/users/checks/none.postgres.sql", "SELECT 1 WHERE false;\n");
    app.write("crates/dev/migrations/1_dev.sql", "");
    app.lock();
    app
}

#[test]
fn an_application_without_anything_is_an_empty_module() {
    let app = App::new(&[]);
    let found = app.discover("");
    assert_eq!(told(&found), ["app(app)[]: "]);
    assert_eq!(found.modules[0].folder, "migrations");
}

#[test]
fn folders_without_cargo() {
    let app = App::new(&[
        ("db/1_a.sql", ""),
        ("checks/empty.sql", "SELECT 1 WHERE false\r\n"),
        ("plugins/users/migrations/1_u.sql", ""),
        ("plugins/shop/module.yml", "path: sql\nnamespace: store\ndepends-on: [users]\n"),
        ("plugins/shop/sql/V1__s.sql", ""),
        ("plugins/flat/1_f.sql", ""),
        ("plugins/flat/checks/sqlite/none.sql", ""),
        ("plugins/none/README.md", ""),
        ("plugins/.git/1_x.sql", ""),
        ("plugins/file.sql", ""),
    ]);
    let config = "path: db\nmodules: { paths: [\"plugins/*\", \"plugins/users\"] }\n";
    let found = app.discover(config);
    assert_eq!(
        told(&found),
        ["app(app)[]: 1_a", "flat(folder)[]: 1_f", "store(folder)[users]: V1__s", "users(folder)[]: 1_u"]
    );
    assert_eq!(found.modules[0].checks[0].text, "SELECT 1 WHERE false\n");
    assert_eq!(found.modules[1].checks[0].path, "plugins/flat/checks/sqlite/none.sql");
    assert_eq!(found.modules[2].folder, "plugins/shop/sql");
    assert_eq!(found.sources[&found.modules[1].namespace].consent, Consent::Plugin);
    let disabled =
        app.discover("path: db\nmodules: { paths: [\"plugins/*\"], disable: [flat, users, nobody] }\n");
    assert_eq!(told(&disabled), ["app(app)[]: 1_a", "store(folder)[]: V1__s"]);
    assert_eq!(disabled.disabled[0].name, "users");
    assert_eq!(disabled.warnings.len(), 1, "`nobody` is not there: {:?}", disabled.warnings);
}

#[test]
fn faults_of_plugins_come_together() {
    let app = App::new(&[
        ("plugins/a/module.yml", "nmespace: x\n"),
        ("plugins/b/module.yml", "path: ../c\n"),
        ("plugins/c/module.yml", "depends-on: [nobody]\n"),
        ("plugins/d/1_d.sql", ""),
        ("migrations/x.sql", ""),
    ]);
    assert_eq!(app.faults("modules: { paths: [\"plugins/*\", /etc, nowhere] }\n").len(), 3);
    let config = "modules: { paths: [\"plugins/[bcd]\"], enable: { d: { namespace: b } } }\n";
    let wanted = [
        "two modules have the namespace `b`: plugin folder `plugins/b` and plugin folder `plugins/d`",
        "`c` depends on `nobody`, which is no module",
        "`migrations/x.sql` is not named like a migration of the format native",
        "the path `../c` of migrations is refused: it contains `..`",
        "the module `c` has no folder `migrations`",
    ];
    assert_eq!(app.faults(config), wanted);
}

#[test]
fn crates_opt_in_and_tests_do_not_count() {
    let app = workspace();
    let found = app.discover("");
    assert_eq!(
        told(&found),
        ["app(app)[people shop]: 1_a", "people(crate)[]: 1_users", "shop(crate)[people]: 1_shop"]
    );
    assert_eq!(found.modules[1].format, Format::Diesel);
    assert_eq!(found.modules[1].checks[0].dialect, Some(crate::dialect::Dialect::Postgres));
    let candidates: Vec<_> =
        found.candidates.iter().map(|one| (one.name.as_str(), one.format, one.count)).collect();
    assert_eq!(candidates, [("glue", Some(Format::Refinery), 1)]);
    assert!(found.warnings.is_empty(), "{:?}", found.warnings);
}

#[test]
fn the_configuration_enables_and_disables() {
    let app = workspace();
    let found = app
        .discover("modules: { enable: { glue: { namespace: g, foreign-keys: off } }, disable: [users] }\n");
    assert_eq!(told(&found), ["app(app)[g shop]: 1_a", "g(crate)[]: V1__glue", "shop(crate)[g]: 1_shop"]);
    assert_eq!(found.modules[1].migrations[0].up.iter().next().unwrap().foreign_keys, Some(false));
    let faults = app
        .faults("modules: { enable: { gleu: , dev: , glue: { version: \"=0.2.0\" }, shop: { path: x } } }\n");
    let wanted = [
        "the crate `glue` is enabled in version `=0.2.0`, but `0.1.0` is there",
        "`gleu` is enabled, but the application does not depend on it",
        "`dev` is enabled, but the application does not depend on it",
        "the module `shop` has no folder `x`",
    ];
    assert_eq!(faults, wanted);
}

#[test]
fn plugins_of_the_workspace_are_crates_and_roots() {
    let app = workspace();
    let found = app.discover("modules: { paths: [\"crates/*\"] }\n");
    let wanted = [
        "app(app)[glue people shop]: 1_a",
        "dev(crate)[]: 1_dev",
        "glue(crate)[people]: V1__glue",
        "people(crate)[]: 1_users",
        "shop(crate)[glue people]: 1_shop",
    ];
    assert_eq!(told(&found), wanted);
    assert!(found.candidates.is_empty());
}

#[test]
fn an_edge_of_a_feature_that_only_tests_switch_on_does_not_count() {
    let app = App::new(&[]);
    let deps = "[dependencies]\nlib = { path = \"lib\" }\n[dev-dependencies]\nlib = { path = \"lib\", features = [\"extra\"] }\n";
    app.package(".", "the-app", &format!("{deps}[workspace]\n"));
    app.package("lib", "lib", "[features]\nextra = [\"dep:users\"]\n[dependencies]\nusers = { path = \"../users\", optional = true }\n");
    app.package("users", "users", OPT_IN);
    app.write("users/migrations/1_u.sql", "");
    app.lock();
    assert_eq!(told(&app.discover("")), ["app(app)[]: "]);
}

#[test]
fn features_of_the_configuration_count() {
    let app = App::new(&[]);
    let deps = "[features]\nextra = [\"dep:users\"]\n[dependencies]\nusers = { path = \"users\", optional = true }\n";
    app.package(".", "the-app", &format!("{deps}[workspace]\n"));
    app.package("users", "users", OPT_IN);
    app.write("users/migrations/1_u.sql", "");
    app.lock();
    assert_eq!(told(&app.discover("")), ["app(app)[]: "]);
    assert_eq!(
        told(&app.discover("cargo: { features: [extra] }")),
        ["app(app)[users]: ", "users(crate)[]: 1_u"]
    );
    assert_eq!(told(&app.discover("cargo: { all-features: true }")).len(), 2);
    assert_eq!(told(&app.discover("cargo: off")).len(), 1);
}

#[test]
fn platforms_do_not_matter() {
    let app = App::new(&[]);
    app.package(".", "the-app", "[target.'cfg(windows)'.dependencies]\nusers = { path = \"users\" }\n[build-dependencies]\ntool = { path = \"tool\" }\n[workspace]\n");
    for name in ["users", "tool"] {
        app.package(name, name, OPT_IN);
        app.write(&format!("{name}/migrations/1_u.sql"), "");
    }
    app.lock();
    assert_eq!(told(&app.discover("")), ["app(app)[users]: ", "users(crate)[]: 1_u"]);
}

#[test]
fn a_virtual_workspace_names_its_application() {
    let app = App::new(&[("Cargo.toml", "[workspace]\nmembers = [\"a\", \"b\"]\nresolver = \"2\"\n")]);
    app.package("a", "a", "[dependencies]\nb = { path = \"../b\" }\n");
    app.package("b", "b", OPT_IN);
    app.write("b/migrations/1_b.sql", "");
    app.lock();
    assert_eq!(app.faults(""), ["the workspace has no root package: which one is the application?"]);
    assert_eq!(app.faults("application: c\n"), ["the workspace has no package `c`"]);
    assert_eq!(told(&app.discover("application: a\n")), ["app(app)[b]: ", "b(crate)[]: 1_b"]);
}

#[test]
fn two_versions_of_a_module_are_a_choice() {
    let app = App::new(&[]);
    app.package(
        ".",
        "the-app",
        "[dependencies]\nold = { path = \"old\", package = \"users\" }\nnew = { path = \"new\", package = \"users\" }\n[workspace]\nexclude = [\"old\", \"new\"]\n",
    );
    app.package("old", "users", OPT_IN);
    app.package("new", "users", OPT_IN);
    app.write(
        "new/Cargo.toml",
        &format!("{}{OPT_IN}", LIB.replace("NAME", "users").replace("0.1.0", "0.2.0")),
    );
    app.write("old/migrations/1_old.sql", "");
    app.write("new/migrations/1_new.sql", "");
    app.lock();
    assert_eq!(app.faults(""), ["the crate `users` is there in several versions: `0.1.0` and `0.2.0`"]);
    let found = app.discover("modules: { enable: { users: { version: \"=0.2.0\" } } }\n");
    assert_eq!(told(&found), ["app(app)[users]: ", "users(crate)[]: 1_new"]);
}

#[test]
fn faults_of_metadata_are_shown_in_the_manifest() {
    let app = workspace();
    app.package("crates/users", "users", &format!("{OPT_IN}namepsace = \"x\"\n"));
    let faults = app.try_discover("").unwrap_err();
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert_eq!(
        (faults[0].message.as_str(), faults[0].frames[0].line_column()),
        ("unknown key `namepsace`", (6, 1))
    );
    assert_eq!(faults[0].frames[0].path, "crates/users/Cargo.toml");
}

#[test]
fn without_a_lock_cargo_is_not_asked() {
    let app = workspace();
    fs::remove_file(app.root.path().join("Cargo.lock")).unwrap();
    let faults = app.try_discover("").unwrap_err();
    assert!(faults[0].help[0].contains("cargo generate-lockfile"), "{faults:?}");
    assert!(!app.root.path().join("Cargo.lock").exists());
}

#[test]
fn a_stale_lock_is_not_mended() {
    let app = workspace();
    let lock = fs::read_to_string(app.root.path().join("Cargo.lock")).unwrap();
    app.package("crates/extra", "extra", "");
    let faults = app.try_discover("").unwrap_err();
    assert!(faults[0].help[0].contains("cargo update --workspace"), "{faults:?}");
    assert_eq!(fs::read_to_string(app.root.path().join("Cargo.lock")).unwrap(), lock);
}

/// An application whose Cargo writes a line to `calls` each time it is called.
fn counted() -> App {
    let mut app = workspace();
    let script = format!(
        "#!/bin/sh\necho >> '{}/calls'\nexec '{}' \"$@\"\n",
        app.root.path().display(),
        app.cargo.display()
    );
    app.write("fake/cargo", &script);
    app.cargo = app.root.path().join("fake/cargo");
    fs::set_permissions(&app.cargo, std::fs::Permissions::from_mode(0o755)).unwrap();
    app
}

fn calls(app: &App) -> usize {
    let calls = fs::read(app.root.path().join("calls")).unwrap_or_default().len();
    let _ = fs::remove_file(app.root.path().join("calls"));
    calls
}

#[test]
fn a_warm_run_does_not_call_cargo() {
    let mut app = counted();
    let cold = told(&app.discover(""));
    assert_eq!(calls(&app), 2, "metadata and tree");
    app.cargo = "/nowhere/cargo".into();
    assert_eq!(told(&app.discover("")), cold);
    app.write("crates/shop/migrations/2_more.sql", "");
    assert!(told(&app.discover(""))[2].ends_with("1_shop 2_more"), "migrations are always read");
}

#[test]
fn what_changes_the_graph_misses_the_cache() {
    let app = counted();
    let misses = |what: &str, config: &str| {
        app.discover(config);
        assert_eq!(calls(&app), 2, "{what}");
        app.discover(config);
        assert_eq!(calls(&app), 0, "{what}, again");
    };
    misses("first", "");
    misses("features", "cargo: { all-features: true }\n");
    misses("plugins", "modules: { paths: [\"crates/*\"] }\n");
    misses("back", "");
    app.package("crates/glue", "glue", "[dependencies]\nusers = { path = \"../users\" }\n# edited\n");
    misses("a manifest", "");
    app.write(".cargo/config.toml", "");
    misses("a configuration of Cargo", "");
    app.package("crates/extra", "extra", "");
    app.lock();
    calls(&app);
    misses("a new member and its lock", "");
    let entry =
        fs::read_dir(app.root.path().join("target/db-migrations")).unwrap().next().unwrap().unwrap().path();
    fs::write(&entry, "{").unwrap();
    misses("a damaged entry", "");
    let text = fs::read_to_string(&entry).unwrap();
    fs::write(&entry, text.replacen("\"dependencies\":[", "\"dependencies\":[999,", 1)).unwrap();
    misses("an unsound entry", "");
}

#[test]
fn a_cache_that_cannot_be_written_is_not_missed() {
    let app = workspace();
    app.write("target", "a file");
    assert_eq!(told(&app.discover("")).len(), 3);
}
