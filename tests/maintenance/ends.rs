//! An outcome that nobody knows keeps it on: the answer of the COMMIT is lost, and the database is gone.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::common::Place;
use crate::support::database::Db;
use crate::support::postgres;
use crate::support::project::Project;

/// Passes bytes on to the server; when the COMMIT of the migration was passed on, it answers nobody any more.
fn proxy(socket: PathBuf) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let is_cut = Arc::new(AtomicBool::new(false));
    // ends with this process; nobody connects to it any more
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            if is_cut.load(Ordering::SeqCst) {
                let _ = client.shutdown(Shutdown::Both);
                continue;
            }
            let (server, is_cut) = (UnixStream::connect(&socket).unwrap(), Arc::clone(&is_cut));
            std::thread::spawn(move || pass_on(client, server, &is_cut));
        }
    });
    port
}

fn pass_on(mut client: TcpStream, mut server: UnixStream, is_cut: &AtomicBool) {
    let (mut answers, mut to_client) = (server.try_clone().unwrap(), client.try_clone().unwrap());
    std::thread::spawn(move || {
        let mut buffer = vec![0; 65536];
        while let Ok(n @ 1..) = answers.read(&mut buffer) {
            if to_client.write_all(&buffer[..n]).is_err() {
                break;
            }
        }
        let _ = to_client.shutdown(Shutdown::Both);
    });
    let (mut buffer, mut has_run) = (vec![0; 65536], false);
    while let Ok(n @ 1..) = client.read(&mut buffer) {
        let sends = |text: &[u8]| buffer[..n].windows(text.len()).any(|bytes| bytes == text);
        has_run |= sends(b"CREATE TABLE a ");
        let is_commit = has_run && sends(b"COMMIT");
        if is_commit {
            is_cut.store(true, Ordering::SeqCst);
            let _ = client.shutdown(Shutdown::Both);
        }
        if server.write_all(&buffer[..n]).is_err() || is_commit {
            break;
        }
    }
    let _ = server.shutdown(Shutdown::Write);
}

#[test]
fn an_unknown_outcome_keeps_it_on() {
    let Some(db) = Db::postgres() else { return };
    let Some(folder) = postgres::server().and_then(|server| server.folder.as_ref()) else { return };
    let place = Place::file();
    let project =
        Project::with_config(&format!("cargo: off\nschema-check: {{ source: off }}\n{}", place.setting("")))
            .file("migrations/20240101000000_a.sql", "CREATE TABLE a (id int);\n");
    let port = proxy(folder.join(".s.PGSQL.5432"));
    let url = url::Url::parse(db.url()).unwrap();
    let through = format!("postgres://{}@127.0.0.1:{port}{}", url.username(), url.path());
    project
        .run_at(&through, &["migrate"])
        .exits(8)
        .says("nobody knows whether it happened")
        .says("maintenance mode stays on");
    assert_eq!(place.mark().unwrap()["kept"], true);
    // it did happen: the next run has nothing to do but to know it
    let output = project.run(&db, &["migrate"]).ok().says("maintenance mode is off");
    assert_eq!((place.text(), output.stdout.contains("applied")), (None, false), "{output}");
    project.run(&db, &["migrate"]).ok().does_not_say("maintenance");
}
