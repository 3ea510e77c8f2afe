//! Servers elsewhere are verified in full unless somebody says otherwise: real servers, bad certificates.
//!
//! "Elsewhere" is an address of this machine that is not loopback: the program knows it by that only.

use crate::common::base;
use crate::support::certificates::{bad, self_signed};
use crate::support::measured::measured;
use crate::support::project::Output;
use crate::support::tls::{Kind, Server, USER, servers};

/// Where what is not verified is said.
const WARNING: &str = "`sslmode=verify-full` verifies all";

#[test]
fn bad_certificates_are_refused_by_default() {
    let mut refused = std::collections::BTreeMap::<String, usize>::new();
    for server in servers(true) {
        let project = base();
        let trusted = format!("?sslrootcert={}", server.ca());
        let good = server.url(USER, &trusted);
        project.run_at(&good, &["status"]).ok().does_not_say("warning");
        for (what, pair, said) in bad(&server.authority, server.at.ip()) {
            server.install(&pair);
            for parameters in ["", &trusted, &format!("{trusted}&sslmode=verify-full")] {
                let output = project.run_at(&server.url(USER, parameters), &["status"]).exits(6);
                assert!(output.stderr.contains("certificate is refused"), "{what}: {output}");
                let output = output.does_not_say(&server.password).says("help: ");
                // whose authority is not known need not be looked at any further
                if !parameters.is_empty() {
                    output.says(said);
                }
            }
            *refused.entry(format!("{:?}", server.kind)).or_default() += 1;
        }
    }
    let refused: Vec<String> = refused.iter().map(|(kind, n)| format!("{kind}: {n} of {n}")).collect();
    if !refused.is_empty() {
        measured("tls::bad_certificates_are_refused_by_default", &refused.join("; "));
    }
}

#[test]
fn a_server_without_tls_is_refused_unless_plaintext_is_chosen() {
    for server in servers(false) {
        let project = base();
        for mode in ["", "?sslmode=require", "?sslmode=verify-ca", "?sslmode=verify-full"] {
            let output = project.run_at(&server.url(USER, mode), &["status"]).exits(6);
            output.says("the server speaks no TLS").says("`sslmode=disable` sends all in plaintext");
        }
        let chosen = project.run_at(&server.url(USER, "?sslmode=disable"), &["migrate"]).ok();
        assert_eq!(chosen.stderr.matches(WARNING).count(), 1, "{chosen}");
        assert!(!chosen.stdout.contains(WARNING), "{chosen}");
        chosen.says("nothing is encrypted");
        project.run_at(&server.url(USER, "?sslmode=prefer"), &["status"]).ok().says("it may be plaintext");
    }
}

#[test]
fn who_strips_tls_on_the_way_gets_nothing() {
    for server in servers(true) {
        let (project, at) = (base(), server.strip());
        for mode in ["", "&sslmode=require", "&sslmode=verify-ca", "&sslmode=verify-full"] {
            let url = server.url_at(at, USER, &format!("?sslrootcert={}{mode}", server.ca()));
            project.run_at(&url, &["status"]).exits(6).says("or somebody on the way pretends so");
        }
        // the way is open for who asks for it
        project.run_at(&server.url_at(at, USER, "?sslmode=prefer"), &["status"]).ok().says(WARNING);
    }
}

#[test]
fn what_is_chosen_is_verified_and_no_more() {
    for server in servers(true) {
        let (project, address) = (base(), server.at.ip().to_string());
        let run = |parameters: &str| project.run_at(&server.url(USER, parameters), &["status"]);
        let ca = format!("sslrootcert={}", server.ca());
        project.run_at(&server.url(USER, &format!("?{ca}")), &["migrate"]).ok().does_not_say("warning");

        server.install(&server.authority.server("db.example.com", |_| ()));
        run(&format!("?{ca}")).exits(6).says("it is for another host");
        run(&format!("?sslmode=verify-ca&{ca}")).ok().says(WARNING).says("the host name is not verified");
        // who names an authority wants it asked
        run(&format!("?sslmode=require&{ca}")).ok().says("sslmode=verify-ca");

        let own = self_signed(&address, false);
        server.install(&own);
        run("?sslmode=require").ok().says(WARNING).says("encrypted, but not verified");
        run("?sslmode=verify-ca").exits(6).says("its authority is unknown");
        run(&format!("?sslmode=require&{ca}")).exits(6).says("its authority is unknown");
        let itself = server.file("own.pem", &own.cert);
        run(&format!("?sslrootcert={itself}")).ok().does_not_say("warning");
        if server.kind == Kind::MariaDb {
            run(&format!("?ssl-mode=VERIFY_IDENTITY&ssl-ca={itself}")).ok().does_not_say("warning");
        }
    }
}

#[test]
fn the_systems_authorities_can_be_replaced() {
    for server in servers(true) {
        let project = base();
        let mut command = project.command(&["status"]);
        let output =
            command.env("DATABASE_URL", server.url(USER, "")).env("SSL_CERT_FILE", server.ca()).output();
        let output = output.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn a_client_certificate_is_shown_where_it_is_wanted() {
    for server in servers(true) {
        let project = base();
        let pair = server.authority.client("certified");
        let (cert, key) = (server.file("client.pem", &pair.cert), server.file("client.key", &pair.key));
        let ca = format!("?sslrootcert={}", server.ca());
        let run = |parameters: String| project.run_at(&server.url("certified", &parameters), &["status"]);
        run(ca.clone()).exits(6);
        run(format!("{ca}&sslcert={cert}")).exits(2).says("`sslcert` and `sslkey` go together");
        run(format!("{ca}&sslcert={cert}&sslkey={key}")).ok().does_not_say("warning");
        let locked = server.file("locked.key", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMII=\n-----END\n");
        run(format!("{ca}&sslcert={cert}&sslkey={locked}")).exits(2).says("is protected by a password");
    }
}

#[test]
fn configuration_and_environment_say_it_too() {
    for server in servers(true) {
        let url = server.url(USER, "");
        let with = |tls: &str| {
            let project = base();
            project.write("ca.pem", &server.authority.cert);
            project.write("db-migrations.yml", format!("cargo: off\ndatabase: {{ tls: {{ {tls} }} }}\n"));
            project
        };
        with("ca: ca.pem").run_at(&url, &["status"]).ok().does_not_say("warning");
        with("mode: require").run_at(&url, &["status"]).ok().says(WARNING);
        with("mode: verify-full").run_at(&url, &["status"]).exits(6).says("its authority is unknown");
        let strict = with("ca: ca.pem, mode: verify-full");
        strict.run_at(&server.url(USER, "?sslmode=disable"), &["status"]).ok().says("nothing is encrypted");
        with("mode: verify-ful").run_at(&url, &["status"]).exits(2).says("did you mean `verify-full`?");
        with("ca: absent.pem").run_at(&url, &["status"]).exits(2).says("cannot be read");
        with("ca: db-migrations.yml").run_at(&url, &["status"]).exits(2).says("holds no certificate");
        if server.kind == Kind::Postgres {
            of_environment(&server);
        }
    }
}

fn of_environment(server: &Server) {
    let project = base();
    let with = |variables: &[(&str, &str)], parameters: &str| {
        let mut command = project.command(&["status"]);
        command.env("DATABASE_URL", server.url(USER, parameters)).envs(variables.iter().copied());
        Output::of(&mut command, &["status"])
    };
    with(&[("PGSSLROOTCERT", &server.ca())], "").ok().does_not_say("warning");
    with(&[("PGSSLMODE", "require")], "").ok().says(WARNING);
    with(&[("PGSSLMODE", "require")], "?sslmode=verify-full").exits(6).says("its authority is unknown");
    with(&[("PGSSLMODE", "requier")], "").exits(2).says("the variable `PGSSLMODE` is wrong");
    with(&[("PGSSLROOTCERT", "system")], "").exits(6).says("its authority is unknown");
}

#[test]
fn parameters_that_would_be_passed_over_are_refused() {
    let project = base();
    for url in [
        "postgres://u@db.invalid/d?sslmode=full",
        "postgres://u@db.invalid/d?sslcrl=x",
        "mariadb://u@db.invalid/d?ssl-verify-server-cert=1",
        "mysql://u@db.invalid/d?useSSL=true",
    ] {
        project.run_at(url, &["status"]).exits(2).says("caused by: ");
    }
}

#[test]
fn scratch_databases_follow_the_same_rules() {
    for server in servers(true) {
        let project = base();
        let config = |parameters: &str| {
            let url = server.url(USER, parameters);
            project
                .write("db-migrations.yml", format!("cargo: off\ndatabase: {{ scratch-url: \"{url}\" }}\n"));
        };
        // by the socket, where nothing is encrypted and nothing has to be
        let socket = server.admin.replace("/postgres?", "/shop?").replace("/mysql?", "/shop?");
        let socket = socket.replace("&ssl-mode=DISABLED", "");
        project.run_at(&socket, &["migrate"]).ok().does_not_say("warning");
        let prove = || project.run_at(&socket, &["schema", "snapshot"]);
        config("");
        let refused = prove().exits(1).says("its authority is unknown");
        refused.says(&format!("shop:***@{}", server.at));
        config(&format!("?sslrootcert={}", server.ca()));
        prove().ok().does_not_say(WARNING);
        config("?sslmode=require");
        prove().ok().says("encrypted, but not verified");
    }
}
