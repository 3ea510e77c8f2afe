//! An application that embeds the library and listens to everything that is traced hears no password,
//! and what it prints of our values holds none.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::str::FromStr;
use std::time::Duration;

use db_migrations::backend::{Limits, Options, Tables, connector};
use db_migrations::config;
use db_migrations::tls::{Mode, Settings};

use crate::support::block_on;
use crate::support::tls::{Kind, USER, servers};

/// In the child: what is connected to, one URL per line.
const URLS: &str = "SECRETS_TEST_URLS";

fn options(url: &str, tls: Settings) -> Options {
    Options {
        url: url.into(),
        scratch_url: Some(url.into()),
        password: None,
        tls,
        tables: Tables::new(None, "db_migrations").unwrap(),
        create: false,
        limits: Limits { lock: Duration::from_secs(1), statement: Duration::ZERO },
        dialects: Vec::new(),
    }
}

/// Connects with everything traced to standard output; run by the test below, in a process of its own.
#[test]
#[ignore = "run by another test"]
fn traced() {
    tracing_subscriber::fmt().with_max_level(tracing_subscriber::filter::LevelFilter::TRACE).init();
    // so that it is seen that everything is heard
    let _ = sqlx::postgres::PgConnectOptions::from_str("postgres://u:x@h/d?unheard=1");
    for url in std::env::var(URLS).unwrap().lines() {
        let options = options(url, Settings::default());
        println!("{options:?}");
        match connector(&options) {
            Err(fault) => println!("{fault:?}"),
            Ok(connect) => block_on(async {
                match connect.connect().await {
                    Err(error) => println!("{error:?} {error}"),
                    Ok(database) => println!("{:?}", database.server()),
                }
                if let Err(error) = connect.scratch().await {
                    println!("{error:?} {error}");
                }
            }),
        }
    }
}

#[test]
fn nothing_that_is_traced_holds_a_password() {
    for server in servers(true) {
        let canary = server.password.clone();
        let ca = format!("sslrootcert={}", server.ca());
        let good = server.url(USER, &format!("?{ca}"));
        let bare = good.replace(&format!(":{canary}@"), "@");
        let urls = [
            good.clone(),
            server.url(USER, ""),
            server.url("nobody", &format!("?{ca}")),
            server.url(USER, &format!("?{ca}&passwrd={canary}&sslmode=require")),
            good.replace(USER, "absent"),
            format!("{bare}&password={canary}"),
            format!("{bare}&password={canary}x"),
            bare,
        ];
        // the last has its password here, behind a line that is none and one with too many backslashes
        let (at, passfile) = (server.at, server.file("passfile", ""));
        let line = format!("{canary}\n\\{canary}\\x:{canary}\n{}:{}:*:*:{canary}\n", at.ip(), at.port());
        fs::write(&passfile, line).unwrap();
        fs::set_permissions(&passfile, fs::Permissions::from_mode(0o600)).unwrap();
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "secrets::traced", "--ignored", "--nocapture"])
            .env(URLS, urls.join("\n"))
            .env("PGPASSFILE", &passfile)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        assert!(said.contains("unheard"), "the driver is heard: {said}");
        assert!(!said.contains(&canary), "{said}");
        let reached = said.matches("Server {").count();
        assert_eq!(reached, if server.kind == Kind::Postgres { 4 } else { 3 }, "{said}");
    }
}

#[test]
fn an_embedding_application_gets_the_same_defaults() {
    for server in servers(true) {
        let connect = |tls: Settings| {
            let connector = connector(&options(&server.url(USER, ""), tls)).unwrap();
            let warnings = connector.warnings().to_vec();
            (block_on(async { connector.connect().await.map(|_| ()) }), warnings)
        };
        let (refused, warnings) = connect(Settings::default());
        assert!(refused.unwrap_err().to_string().contains("its authority is unknown"));
        assert!(warnings.is_empty());
        let (reached, warnings) = connect(Settings { mode: Some(Mode::Require), ..Settings::default() });
        reached.unwrap();
        assert!(warnings[0].contains("not verified"), "{warnings:?}");
        let ca = db_migrations::tls::Pem { text: server.ca(), setting: "database.tls.ca" };
        let (reached, _) = connect(Settings { ca: Some(ca), ..Settings::default() });
        reached.unwrap();
    }
}

#[test]
fn values_print_no_password() {
    let text = "database: { url: \"postgres://u:s3cret@h/d\", scratch-url: \"mysql://u:s3cret@h/d\" }\n";
    let config = config::parse("db-migrations.yml", text, &|_| None).unwrap();
    assert!(!format!("{config:?}").contains("s3cret"));
    assert!(!format!("{:?}", options("postgres://u:s3cret@h/d", Settings::default())).contains("s3cret"));
}
