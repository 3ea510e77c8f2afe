//! A password that nobody may ever see, in every place that a password can come from, over the error
//! paths: it is in no output, file, table or command line, in no spelling.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use crate::common::{base, until};
use crate::support::project::{Output, Project};
use crate::support::tls::{Kind, Server, USER, servers};

/// The password: each part between special characters is looked for by itself.
struct Canary {
    parts: [String; 3],
}

impl Canary {
    fn new() -> Self {
        Self { parts: [(); 3].map(|()| crate::support::random()) }
    }

    fn raw(&self) -> String {
        let [a, b, c] = &self.parts;
        format!("{a}/@:é%{b}?#&+ '\"{c}")
    }

    /// As it stands in a URL.
    fn encoded(&self) -> String {
        let [a, b, c] = &self.parts;
        format!("{a}%2F%40%3A%C3%A9%25{b}%3F%23%26%2B%20%27%22{c}")
    }

    /// Two parts with something between them that no URL may hold so.
    fn torn(&self, between: &str) -> String {
        format!("{}{between}{}", self.parts[0], self.parts[1])
    }

    #[track_caller]
    fn is_not_in(&self, what: &str, text: &str) {
        for part in &self.parts {
            assert!(!text.contains(part), "the password is in {what}:\n{text}");
            for shift in 0..3 {
                let code = base64(&format!("{}{part}", &"..."[..shift]));
                // what the neighbours have no share in
                let middle = &code[4..code.len() - 4];
                assert!(!text.contains(middle), "the password is in {what} as base64:\n{text}");
            }
        }
    }

    #[track_caller]
    fn is_not_said(&self, output: &Output) {
        self.is_not_in("what is printed", &output.to_string());
    }

    /// In no file but those of the test, `target` included.
    #[track_caller]
    fn is_not_below(&self, project: &Project, but: &[&str]) {
        let mut folders = vec![project.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for path in fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path()) {
                let name = path.strip_prefix(project.path()).unwrap().display().to_string();
                if path.is_dir() {
                    folders.push(path);
                } else if !but.contains(&name.as_str()) {
                    self.is_not_in(&name, &String::from_utf8_lossy(&fs::read(path).unwrap()));
                }
            }
        }
    }
}

fn base64(text: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let group = |bytes: &[u8]| {
        let number = bytes.iter().fold(0, |number, byte| number * 256 + usize::from(*byte));
        let number = number << (8 * (3 - bytes.len()));
        (0..4).map(move |i| char::from(DIGITS[number >> (18 - 6 * i) & 63]))
    };
    text.as_bytes().chunks(3).flat_map(group).collect()
}

#[test]
fn the_canary_itself_is_found() {
    assert_eq!(base64("any carnal pleas"), "YW55IGNhcm5hbCBwbGVhcwAA");
    let canary = Canary::new();
    let encoded = base64(&format!("user:{}", canary.raw()));
    assert!(std::panic::catch_unwind(|| canary.is_not_in("a header", &encoded)).is_err());
    let canary = Canary::new();
    assert!(std::panic::catch_unwind(|| canary.is_not_in("a URL", &canary.encoded())).is_err());
}

/// URLs that lead nowhere, or that are none.
fn urls(canary: &Canary) -> Vec<String> {
    let good = canary.encoded();
    let mut urls: Vec<String> = [
        "postgres://u:{}@127.0.0.1:1/d",
        "postgres://u:{}@db.invalid/d",
        "postgres://u:{}@db.invalid:99999/d",
        "postgres://u:{}@db.invalid:port/d",
        "postgres://u:{}@[::1/d",
        "postgres://u:{}@/d?host=/nonexistent",
        "postgres://u:{}@127.0.0.1:1/d?sslmode=fool",
        "postgres://u:{}@127.0.0.1:1/d?sslrootcert=/nonexistent",
        "postgres://u:{}@127.0.0.1:1/d?sslpassword={}",
        "postgres://127.0.0.1:1/d?user=u&password={}",
        "postgres://127.0.0.1:1/d?user=u&passwrd={}",
        "postgres://127.0.0.1:1/d?user=u&PASSWORD={}&port=x",
        "mariadb://u:{}@127.0.0.1:1/d",
        "mariadb://u:{}@127.0.0.1:1/",
        "mariadb://u:{}@127.0.0.1:1/mysql",
        "mariadb://u:{}@db.invalid:x/d",
        "mysql://u:{}@127.0.0.1:1/d?ssl-mode=SOME&password={}",
        "mysql://u:{}@localhost/d?socket=/nonexistent",
        "oracle://u:{}@127.0.0.1/d",
        "postgres:u:{}@127.0.0.1/d",
        "u:{}@127.0.0.1/d",
        "://u:{}@127.0.0.1/d",
        "postgres://u:{}",
        "postgres//u:{}@h/d",
        "{}",
    ]
    .map(|url| url.replace("{}", &good))
    .into();
    for between in ["/", "?", "#", "@", ":", "%zz", " ", "\"", "é", "\\", "[", "<"] {
        let torn = canary.torn(between);
        urls.push(format!("postgres://u:{torn}@127.0.0.1:1/d"));
        urls.push(format!("mysql://u:12{torn}@127.0.0.1:1/d"));
        // so that what stands before it is a port
        urls.push(format!("postgres://u:12{between}{torn}@127.0.0.1:1/d"));
    }
    urls
}

#[test]
fn a_url_that_leads_nowhere_shows_no_password() {
    let (canary, project) = (Canary::new(), base());
    let mut paths = 0;
    for url in urls(&canary) {
        for args in [&["status"][..], &["migrate", "--format", "json"]] {
            let output = project.run_at(&url, args);
            assert!([2, 6].contains(&output.code), "{output}");
            canary.is_not_said(&output);
            paths += 1;
        }
        let output = project.run_alone(&["plan", "--url", &url]);
        assert!([2, 6].contains(&output.code), "{output}");
        canary.is_not_in("what is printed", &format!("{}{}", output.stdout, output.stderr));
        project
            .write(".env", format!("DATABASE_URL='{url}'\nDB_MIGRATIONS_SCRATCH_URL={url}\nbroken {url}\n"));
        canary.is_not_said(&project.run_alone(&["status"]));
        project.remove(".env");
        paths += 2;
    }
    canary.is_not_below(&project, &[]);
    assert!(paths > 200, "{paths}");
}

#[test]
fn a_command_line_that_is_none_shows_no_password() {
    let (canary, project) = (Canary::new(), base());
    let url = format!("postgres://u:{}@127.0.0.1:1/d", canary.encoded());
    let mistaken = format!("--urll={url}");
    for args in [
        &["status", &url][..],
        &[&url],
        &[&mistaken, "status"],
        &["status", "--format", &url],
        &["status", "--config", &url],
        &["status", "--bundle", &url],
        &["migrate", "--guard-wait", &url],
        &["execute", &url],
        &["migrate", &url],
        &["lock", "rename", &url, &url],
        &["modules", "enable", &url],
        &["generate", &url, &url],
        &["import", &url],
        &["schema", "dump", &url],
        &["version", &url],
    ] {
        let output = project.run_alone(args);
        assert_ne!(output.code, 0, "{output}");
        let printed = format!("{}{}", output.stdout, output.stderr);
        canary.is_not_in(&args[0].replace(&url, "URL"), &printed);
    }
}

#[test]
fn a_configuration_that_is_wrong_shows_no_password() {
    let (canary, project) = (Canary::new(), base());
    let mut configs: Vec<String> = Vec::new();
    for password in [canary.encoded(), canary.torn(" "), canary.torn("/"), canary.torn("@"), canary.torn("#")]
    {
        let url = format!("postgres://u:{password}@127.0.0.1:1/d");
        configs.extend([
            format!("database: {{ url: \"{url}\", hystory-table: x }}\n"),
            format!("database: {{ urll: \"{url}\" }}\n"),
            format!("database: \"{url}\"\n"),
            format!("database: [\"{url}\"]\n"),
            format!("database: {{ url: [\"{url}\"] }}\n"),
            format!("database: {{ url: \"{url}\", url: \"{url}\" }}\n"),
            format!("database: {{ guard-wait: \"{url}\" }}\n"),
            format!("database: {{ url: \"{url}\n"),
            format!("database: {{ url: \"{url}${{\" }}\n"),
            format!("database: {{ tls: {{ mode: \"{url}\" }} }}\n"),
            format!("database: {{ scratch-url: \"{url}\" }}\nlocks: x\n"),
            format!("database:\n  url: \"{url}\"\n  history-table: \"{url}\"\n"),
            format!("\"{url}\": x\n"),
            format!("format: \"{url}\"\n"),
            format!("dialects: [\"{url}\"]\n"),
            format!("session: {{ \"{url}\": x }}\n"),
            format!("database: {{ url: \"{url}\" }}\n"),
        ]);
    }
    for config in configs {
        project.write("db-migrations.yml", format!("cargo: off\n{config}"));
        for args in [&["status"][..], &["modules", "--format", "json"], &["lock", "--check"]] {
            canary.is_not_said(&project.run_alone(args));
        }
        assert_ne!(project.run_alone(&["status"]).code, 0, "{config}");
    }
    canary.is_not_below(&project, &["db-migrations.yml"]);
}

#[test]
fn files_and_commands_that_give_no_password_show_none() {
    let (canary, project) = (Canary::new(), base());
    let raw = canary.raw();
    project.write("empty", format!("\n{raw}\n"));
    let said = "printf '%s\\n' \"$1\" >&2; echo \"$1\"; exit 3";
    let mixed = "echo \"$1\"; echo \"log in with '$1' failed\" >&2; kill -9 $$";
    let quoted = |text: &str| serde_json::to_string(text).unwrap();
    for (setting, expected) in [
        ("password-file: absent".to_owned(), "cannot be read"),
        ("password-file: migrations".to_owned(), "cannot be read"),
        ("password-file: empty".to_owned(), "is empty"),
        (
            format!("password-command: [sh, -c, {}, sh, {}]", quoted(said), quoted(&raw)),
            "failed (exit status: 3)",
        ),
        (
            format!("password-command: [sh, -c, {}, sh, {}]", quoted(mixed), quoted(&raw)),
            "it said: log in with",
        ),
        (format!("password-command: [absent-program, {}]", quoted(&raw)), "cannot be run"),
        (format!("password-command: [\"true\", {}]", quoted(&raw)), "printed no password"),
        ("password-command: [x]\n  password-file: y".to_owned(), "do not go together"),
    ] {
        project.write(
            "db-migrations.yml",
            format!("cargo: off\ndatabase:\n  url: postgres://u@127.0.0.1:1/d\n  {setting}\n"),
        );
        for args in [&["status"][..], &["status", "--format", "json"]] {
            let output = project.run_alone(args).exits(2).says(expected);
            canary.is_not_said(&output);
        }
    }
    canary.is_not_below(&project, &["db-migrations.yml", "empty"]);
}

/// A server whose user has this password.
fn with_password(server: &Server, canary: &Canary) {
    let password = canary.raw().replace('\'', "''");
    server.execute(&match server.kind {
        Kind::Postgres => format!("ALTER ROLE {USER} PASSWORD '{password}'"),
        Kind::MariaDb => format!("ALTER USER {USER}@'%' IDENTIFIED BY '{password}'"),
    });
}

#[test]
fn no_command_on_a_real_server_shows_the_password() {
    for server in servers(true) {
        let (canary, wrong) = (Canary::new(), Canary::new());
        with_password(&server, &canary);
        let ca = format!("?sslrootcert={}", server.ca());
        let url = |password: &str, rest: &str| server.url(USER, rest).replace(&server.password, password);
        let good = url(&canary.encoded(), &ca);
        let project = base();
        let both = |output: &Output| {
            canary.is_not_said(output);
            wrong.is_not_said(output);
        };
        for (bad, code) in [
            (url(&wrong.encoded(), &ca), 6),
            (url(&canary.encoded(), ""), 6),
            (good.replace("/shop?", "/absent?"), 6),
            (good.replace("shop:", "nobody:"), 6),
            (good.replace(&server.at.to_string(), &format!("{}:1", server.at.ip())), 6),
            (format!("{good}&sslcert={0}&sslkey={0}", server.ca()), 2),
        ] {
            for args in [&["status"][..], &["migrate"], &["plan", "--format", "json"]] {
                both(&project.run_at(&bad, args).exits(code));
            }
            both(&project.run_at(&bad, &["reset", "--yes"]));
        }
        for args in [
            &["migrate"][..],
            &["status", "--format", "json"],
            &["schema", "snapshot"],
            &["schema", "dump"],
            &["schema", "check"],
            &["lock", "--check", "--replay"],
            &["bundle", "-o", "app.bundle"],
            &["list"],
            &["current"],
            &["up-to-date"],
            &["import"],
            &["import", "--from", "sqlx"],
            &["repair"],
            &["dump-schema"],
            &["rollback", "--yes"],
        ] {
            both(&project.run_at(&good, args));
        }
        project
            .write("migrations/20240104000000_bad.sql", "CREATE TABLE z (id int);\nSELECT * FROM absent;\n");
        both(&project.run_at(&good, &["plan"]).ok());
        both(&project.run_at(&good, &["migrate", "--write-sql", "run.sql"]));
        both(&project.run_at(&good, &["migrate"]).exits(3));
        both(&project.run_at(&good, &["status"]));
        project.remove("migrations/20240104000000_bad.sql");
        both(&project.run_at(&good, &["migrate", "--locked"]));
        // the history, as the database's own text
        both(&project.run_at(&good, &["status"]));
        for table in ["db_migrations", "db_migrations_run", "db_migrations_step"] {
            canary.is_not_in(table, &server.rows(table));
        }
        assert!(server.rows("db_migrations_run").contains("tester"), "who ran it is there");
        both(&project.run_at(&good, &["reset", "--yes"]));
        canary.is_not_below(&project, &[]);
        wrong.is_not_below(&project, &[]);
    }
}

#[test]
fn a_password_comes_from_every_place_that_is_promised() {
    for server in servers(true) {
        let canary = Canary::new();
        with_password(&server, &canary);
        let url = server.url(USER, &format!("?sslrootcert={}", server.ca()));
        let url = url.replace(&format!(":{}@", server.password), "@");
        let wrong = url.replace("shop@", "shop:wrong@");
        let project = base();
        let raw = canary.raw();
        let run = |config: &str, url: &str, variables: &[(&str, &str)]| {
            project.write("db-migrations.yml", format!("cargo: off\n{config}"));
            let mut command = project.command(&["status"]);
            command.env("DATABASE_URL", url).envs(variables.iter().copied());
            let output = Output::of(&mut command, &["status"]);
            canary.is_not_said(&output);
            output
        };
        project.write("password", format!("{raw}\nmore\n"));
        let file = "database: { password-file: password }\n";
        let command = "database: { password-command: [cat, password] }\n";
        run("", &url, &[]).exits(6);
        run(file, &url, &[]).ok();
        run(command, &url, &[]).ok();
        run("", &url, &[("DB_MIGRATIONS_PASSWORD_FILE", "password")]).ok();
        // the first of them counts
        run(file, &wrong, &[]).exits(6);
        run("database: { password-file: absent }\n", &url, &[("DB_MIGRATIONS_PASSWORD_FILE", "password")])
            .ok();
        let variable = match server.kind {
            Kind::Postgres => "PGPASSWORD",
            Kind::MariaDb => "MYSQL_PWD",
        };
        run("", &url, &[(variable, &raw)]).ok();
        run(file, &url, &[(variable, "wrong")]).ok();
        run("", &wrong, &[(variable, &raw)]).exits(6);
        if server.kind == Kind::Postgres {
            of_a_passfile(&server, &project, &canary, &|variables| run("", &url, variables));
        }
        canary.is_not_below(&project, &["password", "passfile", ".pgpass"]);
    }
}

/// Runs with these variables.
type Runs<'a> = &'a dyn Fn(&[(&str, &str)]) -> Output;

fn of_a_passfile(server: &Server, project: &Project, canary: &Canary, run: Runs<'_>) {
    let escaped = canary.raw().replace('\\', "\\\\").replace(':', "\\:");
    let line = format!("broken\n{}:{}:{USER}:{USER}:{escaped}\n", server.at.ip(), server.at.port());
    let write = |name: &str, mode| {
        project.write(name, &line);
        fs::set_permissions(project.join(name), fs::Permissions::from_mode(mode)).unwrap();
        project.join(name).display().to_string()
    };
    let passfile = write("passfile", 0o600);
    run(&[("PGPASSFILE", &passfile)]).ok();
    run(&[("PGPASSFILE", &passfile), ("PGPASSWORD", "wrong")]).exits(6);
    write("passfile", 0o644);
    run(&[("PGPASSFILE", &passfile)]).exits(6).says("`chmod 600` makes it count");
    write(".pgpass", 0o600);
    run(&[("HOME", &project.path().display().to_string())]).ok();
}

#[test]
fn where_a_password_stands_badly_is_said_once() {
    let (canary, project) = (Canary::new(), base());
    let url = format!("postgres://u:{}@127.0.0.1:1/d", canary.encoded());
    let output = project.run_alone(&["status", "--url", &url]).exits(6);
    assert_eq!(output.stderr.matches("which `ps` shows").count(), 1, "{output}");
    canary.is_not_in("stderr", &output.stderr);
    let config = |url: &str| {
        project.write("db-migrations.yml", format!("cargo: off\ndatabase: {{ url: \"{url}\" }}\n"));
    };
    config(&url);
    let output = project.run_alone(&["status"]).exits(6);
    assert_eq!(output.stderr.matches("whoever reads the repository").count(), 1, "{output}");
    config("postgres://u:${CANARY}@127.0.0.1:1/d");
    let mut command = project.command(&["status"]);
    let output = Output::of(command.env("CANARY", canary.encoded()), &["status"]).exits(6);
    canary.is_not_said(&output.does_not_say("whoever reads"));
    project.run_at(&url, &["status"]).exits(6).does_not_say("warning");
}

#[test]
fn no_process_shows_the_password() {
    for server in servers(true).into_iter().filter(|server| server.kind == Kind::Postgres) {
        let canary = Canary::new();
        with_password(&server, &canary);
        let project = Project::new()
            .file("db-migrations.yml", "database: { password-file: password }\n")
            .file("password", canary.raw())
            .file("Cargo.toml", "[package]\nname = \"shop\"\nversion = \"0.1.0\"\nedition = \"2024\"\n")
            .file("Cargo.lock", "version = 4\n\n[[package]]\nname = \"shop\"\nversion = \"0.1.0\"\n")
            .file("src/lib.rs", "")
            .file(
                "bin/cargo",
                "#!/bin/sh\n{ echo \"$0 $@\"; env; } >>\"$CALLS\"\nPATH=${PATH#*:} exec cargo \"$@\"\n",
            )
            .file(
                "bin/git",
                "#!/bin/sh\n{ echo \"$0 $@\"; env; } >>\"$CALLS\"\nPATH=${PATH#*:} exec git \"$@\"\n",
            )
            .file("migrations/20240101000000_slow.sql", "SELECT pg_sleep(600);\n");
        for program in ["bin/cargo", "bin/git"] {
            fs::set_permissions(project.join(program), fs::Permissions::from_mode(0o755)).unwrap();
        }
        let url = server.url(USER, &format!("?sslrootcert={}", server.ca()));
        let mut command = project.command(&["migrate"]);
        command.env("DATABASE_URL", url.replace(&format!(":{}@", server.password), "@"));
        command.env("PATH", format!("{}:{}", project.join("bin").display(), std::env::var("PATH").unwrap()));
        command
            .env("CALLS", project.join("calls"))
            .stdout(Stdio::null())
            .stderr(fs::File::create(project.join("said")).unwrap());
        let mut child = command.spawn().unwrap();
        until("the migration runs", || {
            assert!(child.try_wait().unwrap().is_none(), "{}", project.read("said"));
            server.rows("pg_stat_activity").contains("pg_sleep(600)")
        });
        for file in ["cmdline", "environ", "comm"] {
            let text = fs::read(format!("/proc/{}/{file}", child.id())).unwrap();
            canary.is_not_in(file, &String::from_utf8_lossy(&text));
        }
        let processes = Command::new("ps").args(["axeww"]).output();
        if let Ok(processes) = processes {
            canary.is_not_in("ps", &String::from_utf8_lossy(&processes.stdout));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(project.read("calls").contains("cargo metadata"), "Cargo was asked");
        canary.is_not_below(&project, &["password"]);
    }
}
