//! A proxy cuts the connection at every message of a run, before it is passed on, at once after that, and when its
//! answer begins: during the COMMIT, too. What is printed of the outcome is true in every case.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::scene::{Mode, Scene, fresh, is_true, recovers, settle, state};
use crate::support::database::Db;
use crate::support::measured::measured;
use crate::support::{mariadb, postgres};

/// When the connection is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cut {
    Before,
    After,
    Answered,
}

/// Passes bytes on to a server's socket; each piece that a client sends is a message, since it waits for
/// the answer before it sends the next.
struct Proxy {
    port: u16,
    sent: Arc<AtomicUsize>,
}

impl Proxy {
    /// Cuts at the message of this number, from 1; at none where it is 0.
    fn start(socket: PathBuf, at: usize, cut: Cut) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let sent = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&sent);
        // ends with this process; nobody connects to it any more
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let server = UnixStream::connect(&socket).unwrap();
                let counter = Arc::clone(&counter);
                std::thread::spawn(move || pass_on(client, server, &counter, at, cut));
            }
        });
        Self { port, sent }
    }
}

fn pass_on(mut client: TcpStream, mut server: UnixStream, sent: &AtomicUsize, at: usize, cut: Cut) {
    let (mut answers, mut to_client) = (server.try_clone().unwrap(), client.try_clone().unwrap());
    let muted = Arc::new(AtomicUsize::new(0));
    let mute = Arc::clone(&muted);
    let back = std::thread::spawn(move || {
        let mut buffer = vec![0; 65536];
        while let Ok(n) = answers.read(&mut buffer) {
            if n == 0 || mute.load(Ordering::SeqCst) == 1 || to_client.write_all(&buffer[..n]).is_err() {
                break;
            }
        }
        let _ = to_client.shutdown(Shutdown::Both);
        let _ = answers.shutdown(Shutdown::Both);
    });
    let mut buffer = vec![0; 65536];
    while let Ok(n) = client.read(&mut buffer) {
        if n == 0 {
            break;
        }
        let number = sent.fetch_add(1, Ordering::SeqCst) + 1;
        if number == at && cut == Cut::Before {
            break;
        }
        if number == at && cut == Cut::Answered {
            muted.store(1, Ordering::SeqCst); // the first piece of the answer ends it
        }
        if server.write_all(&buffer[..n]).is_err() || (number == at && cut == Cut::After) {
            break;
        }
    }
    if !(cut == Cut::Answered && muted.load(Ordering::SeqCst) == 1) {
        let _ = client.shutdown(Shutdown::Both);
        let _ = server.shutdown(Shutdown::Both);
    }
    let _ = back.join();
}

/// The server's socket, and the URL of a database through a proxy.
fn socket(db: &Db) -> Option<PathBuf> {
    match db.dialect() {
        "postgres" => Some(postgres::server()?.folder.as_ref()?.join(".s.PGSQL.5432")),
        _ => mariadb::server()?.socket(),
    }
}

fn through(db: &Db, port: u16) -> String {
    let url = url::Url::parse(db.url()).unwrap();
    let scheme = url.scheme();
    format!("{scheme}://{}@127.0.0.1:{port}{}", url.username(), url.path())
}

fn each_message(db: Option<Db>) {
    let Some(db) = db else { return };
    let Some(socket) = socket(&db) else { return };
    let mut ran = 0;
    let mut said = std::collections::BTreeMap::new();
    for mode in [Mode::Whole, Mode::Apart] {
        let stage = Scene { mode, count: 1 }.stage(&db);
        let undisturbed = stage.undisturbed(&db);
        let messages = {
            let fresh = fresh(&db);
            let db = fresh.as_ref().unwrap_or(&db);
            let proxy = Proxy::start(socket.clone(), 0, Cut::Before);
            stage.set(db).run_at(&through(db, proxy.port), &["migrate"]).ok();
            proxy.sent.load(Ordering::SeqCst)
        };
        assert!(messages > 5, "the proxy sees what is sent: {messages}");
        for cut in [Cut::Before, Cut::After, Cut::Answered] {
            for at in 1..=messages {
                let fresh = fresh(&db);
                let db = fresh.as_ref().unwrap_or(&db);
                let project = stage.set(db);
                let before = state(db);
                let proxy = Proxy::start(socket.clone(), at, cut);
                let output = project.run_at(&through(db, proxy.port), &["migrate"]);
                settle(db);
                let shown = format!("{mode:?} {cut:?} {at} of {messages} on {}:\n{output}", db.dialect());
                let now = state(db);
                is_true(&output, &before, &now, &undisturbed.after);
                if mode == Mode::Whole {
                    assert!(now == before || now.essence == undisturbed.after, "a third state: {shown}");
                }
                *said.entry(output.code).or_insert(0) += 1;
                recovers(&project, db, &undisturbed, &shown);
                ran += 1;
            }
        }
    }
    let ends: Vec<String> = said.iter().map(|(code, times)| format!("{times} × {code}")).collect();
    measured(
        &format!("cuts::on_{}", db.dialect()),
        &format!("{ran} cuts, 0 bad; ends by exit code: {}", ends.join(", ")),
    );
}

#[test]
fn on_postgres() {
    each_message(Db::postgres());
}

#[test]
fn on_mariadb() {
    each_message(Db::mariadb());
}
